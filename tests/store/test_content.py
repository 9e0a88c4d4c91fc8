"""A message's octets from a file with LF: exact to the octet, wherever a reader begins."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.store import content
from mailstack.store.content import ConvertedContent, CrlfContent, LineMaps, crlf

TEXTS = st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\r\r\n", b"bcde"]), max_size=60).map(b"".join)
READS = st.lists(st.tuples(st.integers(0, 130), st.integers(0, 130)), max_size=8)


def converted(octets):
    return re.sub(rb"(?<!\r)\n", b"\r\n", octets)


@given(TEXTS)
def test_bare_lfs_become_crlf_and_nothing_else_changes(octets):
    assert crlf(octets) == converted(octets)


@given(TEXTS, READS)
def test_any_range_of_a_long_message_can_be_read_first(octets, reads):
    expected = converted(octets)
    descriptor = os.memfd_create("message")
    os.write(descriptor, octets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "BLOCK", 7)
        message = CrlfContent(descriptor, len(expected), LineMaps().of(descriptor))
        for offset, length in reads:
            assert message.read(offset, length) == expected[offset : offset + length]
        assert message.read(0, len(expected)) == expected
        message.close()


def written(tmp_path, octets):
    (tmp_path / "cur").mkdir(exist_ok=True)
    base = f"1.M1P1Q1.host,S={len(octets)},W={len(converted(octets))},U=1"
    (tmp_path / "cur" / f"{base}:2,").write_bytes(octets)
    return base


def test_a_map_made_by_one_reader_serves_the_next(tmp_path):
    octets = b"a line of mail\n" * 200_000
    maps = LineMaps()
    base, size = written(tmp_path, octets), len(converted(octets))
    first = content.open_message(str(tmp_path), base, ("",), size, maps)
    assert isinstance(first, CrlfContent)
    assert first.read(size - 16, 16) == b"a line of mail\r\n"
    again = content.open_message(str(tmp_path), base, ("",), size, maps)
    with pytest.MonkeyPatch.context() as patch:
        looked = []
        pread = os.pread
        patch.setattr(os, "pread", lambda *how: looked.append(how) or pread(*how))
        assert again.read(size - 16, 16) == b"a line of mail\r\n"
        assert len(looked) == 1, "only the block that it is in"
    first.close()
    again.close()


def test_another_file_of_the_same_name_has_a_map_of_its_own(tmp_path):
    maps = LineMaps()
    for line in (b"short\n", b"a much longer line\n"):
        octets = line * 300_000
        base, size = written(tmp_path, octets), len(converted(octets))
        message = content.open_message(str(tmp_path), base, ("",), size, maps)
        assert message.read(size - len(line) - 1, size) == line.replace(b"\n", b"\r\n")
        message.close()


def test_a_file_shorter_than_its_size_gives_what_there_is(tmp_path):
    octets = b"x\n" * 10
    base = written(tmp_path, octets)
    short = content.open_message(str(tmp_path), base, ("",), 1000)
    assert isinstance(short, ConvertedContent)
    assert short.read(0, 1000) == converted(octets)
    long = content.open_message(str(tmp_path), base, ("",), 2 << 20)
    assert long.read(0, 2 << 20) == converted(octets)
    assert long.read(1 << 20, 100) == b""
    long.close()


def test_only_so_many_maps_are_kept(tmp_path):
    maps = LineMaps()
    for number in range(content.MAPS + 10):
        path = tmp_path / str(number)
        path.write_bytes(b"\n" * number)
        with path.open("rb") as file:
            maps.of(file.fileno()).append(number)
    assert len(maps._maps) == content.MAPS
