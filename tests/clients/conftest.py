"""One daemon for the tests of a module, and the skipping of programs that are not installed, by name."""

import os
import shutil

import pytest

from tests.clients.daemon import Daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    running = Daemon(tmp_path_factory.mktemp("daemon"))
    yield running
    running.stop()


@pytest.fixture
def program(request):
    """The path of the program that the test's `needs` marker names."""
    name = request.node.get_closest_marker("needs").args[0]
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem == "test_thunderbird" and not os.environ.get("MAILSTACK_THUNDERBIRD"):
            item.add_marker(pytest.mark.skip(reason="thunderbird runs alone: make thunderbird"))
        if "clients" in item.path.parts:
            item.add_marker(pytest.mark.client)
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
