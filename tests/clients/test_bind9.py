"""`mailstack dns` against a real name server: nothing there, published, right; others' texts and keys respected."""

import pytest

from tests.cli.world import World
from tests.clients.bind9 import Bind9

pytestmark = pytest.mark.needs("named")

OTHERS = 'demo IN TXT "not ours"\n@ IN TXT "google-site-verification=1"\n'


@pytest.fixture
def server(program, tmp_path):
    running = Bind9(program, tmp_path / "bind9", {"demo.test": OTHERS})
    yield running
    running.stop()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def at(server):
    return f"127.0.0.1:{server.port}"


def check(world, server, status):
    said = world.run("dns", "check", "demo.test", "--ip", "192.0.2.25", "--resolver", at(server), status=status)
    return said.output.splitlines()


def publish(world, server, *more):
    given = ("--ip", "192.0.2.25", "--server", at(server), "--key", str(server.key), "--yes")
    return world.says("dns", "publish", "demo.test", *given, *more)


def test_from_nothing_to_right(world, server):
    before = check(world, server, 1)
    assert "MISSING  MX    demo.test: there is none  (required)" in before
    assert "         put: demo.test. 3600 IN MX 10 mail.demo.test." in before
    said = publish(world, server)
    assert "records are in the zone demo.test." in said
    after = check(world, server, 1)  # the reverse zone is somebody else's
    assert [line for line in after if line.startswith(("MISSING", "WRONG", "unknown"))] == [
        "MISSING  TLSA  _25._tcp.mail.demo.test: there is none  (optional)",
        "unknown  PTR   25.2.0.192.in-addr.arpa: no resolver gave an answer; try again  (required)",
    ]
    assert publish(world, server) == "127.0.0.1 has everything that demo.test needs.\n"


def test_the_keys_that_sign_are_published_whole(world, server):
    """An RSA key of 2048 bits is longer than one string of a TXT record."""
    world.run("domain", "add", "demo.test")
    world.run("dkim", "new", "demo.test")
    publish(world, server)
    signing = [line for line in check(world, server, 1) if "_domainkey.demo.test" in line]
    assert len(signing) == 2
    assert all(line.startswith("right    TXT ") for line in signing)


def test_what_is_wrong_is_replaced_and_nothing_else(world, server):
    publish(world, server)
    world.config.write_text(world.config.read_text().replace("mail.demo.test", "mx.demo.test"))
    assert "WRONG    MX    demo.test: the world sees 10 mail.demo.test.  (required)" in check(world, server, 1)
    publish(world, server)
    lines = check(world, server, 1)
    assert "right    MX    demo.test" in lines
    from mailstack.dns.tools import ask_server

    texts = set(ask_server(("127.0.0.1", server.port), "demo.test", "TXT"))
    assert texts == {"google-site-verification=1", "v=spf1 mx -all"}
    assert ask_server(("127.0.0.1", server.port), "demo.test", "MX") == ["10 mx.demo.test."]


def test_a_key_that_the_server_does_not_know(world, server):
    server.key.write_text(server.key.read_text().replace('"mailstack"', '"somebody"'))
    given = ("--ip", "192.0.2.25", "--server", at(server), "--key", str(server.key), "--yes")
    said = world.run("dns", "publish", "demo.test", *given, status=1).stderr
    assert "nothing was changed" in said
    assert "Traceback" not in said


def test_a_file_that_is_no_key(world, server):
    server.key.write_text("hello\n")
    given = ("--ip", "192.0.2.25", "--server", at(server), "--key", str(server.key), "--yes")
    said = world.run("dns", "publish", "demo.test", *given, status=1).stderr
    assert "has no TSIG key" in said
    assert "tsig-keygen" in said


def test_a_server_that_is_not_there(world, server):
    said = world.run(
        "dns", "check", "demo.test", "--ip", "192.0.2.25", "--resolver", at(server), "--json", status=1
    ).output
    assert '"state": "missing"' in said
    server.stop()
    lines = check(world, server, 1)
    assert all(line.startswith("unknown") for line in lines[:-1])
