"""Every golden transcript, played twice: in memory, and over real sockets with real TLS and the threaded store."""

import pytest

from mailstack.tls.authority import make_certificate
from tests.sessions.player import FOLDER, Player, parse, transcripts
from tests.sessions.world import SocketWorld, World

ALL = [
    pytest.param(protocol, path, id=str(path.relative_to(FOLDER).with_suffix("")))
    for protocol in ("smtp", "imap", "pop3")
    for path in transcripts(protocol)
]


def play(world, path):
    try:
        Player(world).play(parse(path.read_text(encoding="utf-8")))
    finally:
        world.close()


@pytest.mark.parametrize(("protocol", "path"), ALL)
def test_in_memory(protocol, path, tmp_path):
    play(World(tmp_path, protocol), path)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), ["mail.demo.test"])


@pytest.mark.parametrize(("protocol", "path"), ALL)
def test_over_sockets(protocol, path, tmp_path, certificate):
    text = path.read_text(encoding="utf-8")
    if "\n@ clock " in text:
        pytest.skip("real sockets have real time")
    play(SocketWorld(tmp_path, protocol, certificate), path)


def test_there_are_transcripts():
    assert {path.parent.name for path in FOLDER.glob("*/*.txt")} == {"smtp", "imap", "pop3"}
