from pathlib import Path

import pytest

from tests.cli.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def demo(world: World) -> World:
    """With a domain and alice in it."""
    world.run("domain", "add", "demo.test")
    world.run("account", "add", "alice@demo.test", "--password-stdin", typed="a-wonderland-of-9-hares\n")
    return world
