"""Bans, on the files of a server that does not run."""

from tests.cli.world import World


def test_bans(world: World) -> None:
    assert "Nobody is banned." in world.says("ban", "list")
    said = world.says("ban", "add", "192.0.2.9/24", "--for", "7d", "--reason", "scans every night")
    assert said.startswith("192.0.2.0/24 is refused until ")
    world.says("ban", "add", "2001:db8::1")
    shown = world.says("ban", "list")
    assert "scans every night" in shown
    assert "everything" in shown
    assert [row["network"] for row in world.json("ban", "list")] == ["2001:db8::1/128", "192.0.2.0/24"]
    assert world.says("ban", "lift", "192.0.2.0/24") == "192.0.2.0/24 may come in again.\n"
    assert world.refuses("ban", "lift", "192.0.2.0/24").startswith("there is no ban of 192.0.2.0/24")
    assert "neither an address nor a network" in world.refuses("ban", "add", "example.org")
    assert "is not a duration" in world.refuses("ban", "add", "192.0.2.1", "--for", "soon")
