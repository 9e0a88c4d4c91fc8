"""Blocks of search records: kept in memory and on disk, both bounded."""

import pytest

from mailstack.store.digests import Digests
from mailstack.store.values import Digest


def always(_uid):
    return 1


def test_records_come_back():
    digest = Digest.of({7: b"seven", 3: b"", 5: b"five"})
    assert list(digest.records()) == [(3, b""), (5, b"five"), (7, b"seven")]
    assert digest.blob[digest.ends[0] : digest.ends[1] - 1] == b"five"
    assert list(Digest.of({}).records()) == []


@pytest.mark.parametrize("blocks", [1, 40])
def test_they_outlive_the_process(tmp_path, blocks):
    path = str(tmp_path / "cache.sqlite")
    digests = Digests(path)
    for number in range(blocks):
        digests.add(1, 2, "text", {number * 256: b"octets"}, always)
    digests.close()
    again = Digests(path)
    assert [list(again.get(1, 2, "text", n).records()) for n in range(blocks)] == [
        [(n * 256, b"octets")] for n in range(blocks)
    ]
    assert not again.get(1, 3, "text", 0).uids
    again.close()


def test_records_are_added_and_the_gone_left_out():
    digests = Digests(None)
    digests.add(1, 2, "text", {1: b"a", 2: b"b"}, always)
    digests.add(1, 2, "text", {3: b"c"}, lambda uid: None if uid == 1 else uid)
    assert list(digests.get(1, 2, "text", 0).records()) == [(2, b"b"), (3, b"c")]


def test_memory_is_bounded(tmp_path):
    digests = Digests(str(tmp_path / "cache.sqlite"), memory_octets=50_000)
    for number in range(40):
        digests.add(1, 2, "text", {number * 256: b"x" * 1000}, always)
    assert len(digests._memory) < 10
    assert list(digests.get(1, 2, "text", 0).records()) == [(0, b"x" * 1000)]
    digests.close()


def test_a_full_disk_cache_starts_anew(tmp_path):
    digests = Digests(str(tmp_path / "cache.sqlite"), disk_octets=200_000)
    for number in range(60):
        digests.add(1, 2, "text", {number * 256: b"x" * 10_000}, always)
    digests.close()
    assert (tmp_path / "cache.sqlite").stat().st_size <= 200_000


def test_a_broken_cache_is_no_cache(tmp_path):
    (tmp_path / "cache.sqlite").write_bytes(b"no database at all" * 1000)
    digests = Digests(str(tmp_path / "cache.sqlite"))
    digests.add(1, 2, "text", {1: b"a"}, always)
    assert list(digests.get(1, 2, "text", 0).records()) == [(1, b"a")]
    digests.close()
