"""The deflate layer: the same conversation with it and without it, however it is cut and flushed."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailstack.base.engine import NEED_DATA
from mailstack.imap.deflate import DeflateFault, DeflateLayer
from tests.imap.fakes import World

MESSAGE = b"Subject: long\r\n\r\n" + b"line of text\r\n" * 20_000
COMMANDS = (
    b"b NOOP\r\n"
    b"c SELECT INBOX\r\n"
    b"d APPEND INBOX (\\Seen) {%d+}\r\n%b\r\n"
    b"e APPEND INBOX {3}\r\na\r\n {2+}\r\nb\n\r\n"
    b"f FETCH 1:* (FLAGS RFC822.SIZE)\r\n"
    b"g NONSENSE {5+}\r\nf NOP\r\n"
    b"h UID FETCH 1 BODY.PEEK[]\r\n"
    b"i COMPRESS DEFLATE\r\n"
    b"j LOGOUT\r\n"
) % (len(MESSAGE), MESSAGE)


def plain_answers():
    talk = World().login()
    talk.heard()
    talk.wire.feed(COMMANDS.replace(b"i COMPRESS DEFLATE\r\n", b""))
    return talk.wire.heard()


PLAIN = plain_answers()


def compressed(world):
    talk = world.login()
    talk.heard()
    talk.wire.feed(b"a COMPRESS DEFLATE\r\n")
    assert talk.wire.heard() == b"a OK DEFLATE active\r\n"
    return talk


def answers(talk):
    return zlib.decompressobj(-15).decompress(talk.wire.heard())


@given(st.lists(st.tuples(st.integers(1, 3000), st.sampled_from([0, 1, 2, 3])), max_size=12), st.integers(1, 5000))
@settings(deadline=None, max_examples=40)
def test_the_same_conversation(flushes, packet):
    """Partial flush is 1 (iOS), sync 2, full 3."""
    writer, stream, at = zlib.compressobj(6, zlib.DEFLATED, -15), b"", 0
    for length, flush in flushes:
        stream += writer.compress(COMMANDS[at : at + length])
        stream += writer.flush(flush) if flush else b""
        at += length
    stream += writer.compress(COMMANDS[at:]) + writer.flush(zlib.Z_SYNC_FLUSH)
    talk = compressed(World())
    for start in range(0, len(stream), packet):
        talk.wire.feed(stream[start : start + packet])
    refused = b"i BAD [COMPRESSIONACTIVE] DEFLATE is active already\r\n"
    assert answers(talk).replace(refused, b"") == PLAIN
    assert talk.wire.closed


def test_every_answer_can_be_read_at_once():
    talk = compressed(World())
    writer, reader = zlib.compressobj(1, zlib.DEFLATED, -15), zlib.decompressobj(-15)
    for number in range(3):
        talk.wire.feed(writer.compress(b"%d NOOP\r\n" % number) + writer.flush(zlib.Z_PARTIAL_FLUSH))
        assert reader.decompress(talk.wire.heard()) == b"%d OK NOOP completed\r\n" % number


def test_what_is_not_deflated_ends_the_connection():
    talk = compressed(World())
    talk.wire.feed(b"b NOOP\r\nthis is clear text\r\n")
    assert answers(talk).startswith(b"* BYE")
    assert talk.wire.closed


def test_a_bomb_is_never_whole_in_memory():
    """256 MiB of one line: the line's limit ends it after the first blocks."""
    writer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(writer.compress(b"a" * (1 << 20)) for _ in range(256)) + writer.flush()
    talk = compressed(World())
    talk.wire.feed(b"")
    engine = talk.wire.engine
    engine.receive(bomb)
    assert engine.next_event() is NEED_DATA
    assert engine.buffered < 3 << 20
    assert answers(talk) == b""
    assert b"BYE" in zlib.decompressobj(-15).decompress(engine.data_to_send())


def test_blocks():
    layer = DeflateLayer()
    writer = zlib.compressobj(9, zlib.DEFLATED, -15)
    layer.feed(writer.compress(b"x" * 200_000) + writer.flush())
    blocks = iter(layer.inflated, b"")
    assert [len(block) for block in blocks] == [65536, 65536, 65536, 200_000 - 3 * 65536]
    layer.feed(b"more")
    with pytest.raises(DeflateFault):
        layer.inflated()


def test_grammar():
    talk = World().login()
    talk.heard()
    assert talk.say("a COMPRESS GZIP")[0].startswith("a BAD")
    assert talk.say("b COMPRESS")[0].startswith("b BAD")
    assert talk.say("c NOOP") == ["c OK NOOP completed"]


def test_unauthenticate_ends_a_compressed_connection():
    talk = compressed(World())
    writer = zlib.compressobj(1, zlib.DEFLATED, -15)
    talk.wire.feed(writer.compress(b"u UNAUTHENTICATE\r\n") + writer.flush(zlib.Z_SYNC_FLUSH))
    assert answers(talk).startswith(b"* BYE")
    assert talk.wire.closed
