import pytest

from tests.flow.world import World


@pytest.fixture
def make_world(tmp_path):
    """A function that makes the test's world; the store is stopped at the end."""
    made = []

    def make(**options):
        made.append(World(tmp_path / "state", **options))
        return made[-1]

    yield make
    for world in made:
        world.store.abandon()
