"""However the network cuts what a client sends, the server answers the same."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.pop3.world import World

MESSAGES = (b"Subject: one\r\n\r\n.first\r\n\r\nlast", b"Subject: two\r\n\r\n" + b".\r\n" * 40_000, b"")
COMMANDS = st.sampled_from(
    [
        b"CAPA\r\n",
        b"USER alice@demo.test\r\nPASS alice-secret\r\n",
        b"USER alice@demo.test\r\nPASS wrong\r\n",
        b"AUTH PLAIN\r\nAGFsaWNlQGRlbW8udGVzdABhbGljZS1zZWNyZXQ=\r\n",
        b"AUTH LOGIN\r\n*\r\n",
        b"AUTH \r\n",
        b"STAT\r\n",
        b"LIST\r\n",
        b"UIDL 1\r\n",
        b"RETR 1\r\n",
        b"RETR 2\r\n",
        b"TOP 2 3\r\n",
        b"DELE 1\r\n",
        b"DELE 3\r\n",
        b"RSET\r\n",
        b"QUIT\r\n",
        b"bad\nline\r\n",
        b"\xff\0 \r\n",
        b"X" * 3000 + b"\r\n",
    ]
)
LOGIN = b"USER alice@demo.test\r\nPASS alice-secret\r\n"


def replay(chunks) -> tuple[bytes, list[int], bool]:
    world = World(*MESSAGES)
    client = world.client()
    answers = b"".join(client.feed(chunk) for chunk in chunks)
    assert client.failures == []
    client.lose()
    assert not world.locked
    assert world.inbox.open_contents == world.inbox.opened == 0
    return answers, world.inbox.expunged, client.closed


@given(st.booleans(), st.lists(COMMANDS, max_size=12), st.lists(st.integers(0, 400), max_size=12))
def test_chunking_never_matters(logged_in, commands, cuts):
    stream = b"".join([LOGIN * logged_in, *commands])
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    assert replay(stream[a:b] for a, b in pairwise(edges)) == replay([stream])


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_rubbish_never_breaks_it(chunks):
    replay(chunks)


@given(st.lists(st.sampled_from([b"STLS", b"USER a", b"AUTH", b" ", b"\r\n", b"*", b"=", b"A", b"PASS x", b"1"])))
def test_near_commands_never_break_it(pieces):
    replay(pieces)
