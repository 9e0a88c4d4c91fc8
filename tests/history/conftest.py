import pytest

from tests.history.world import HistoryWorld


@pytest.fixture
def world(tmp_path):
    made = HistoryWorld(tmp_path)
    yield made
    made.close()
