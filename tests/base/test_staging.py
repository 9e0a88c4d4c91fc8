"""A staged message: the same octets however it came and wherever it is placed."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.base.staging import MEMORY_OCTETS, StagedFile

SIZES = [0, 1, MEMORY_OCTETS - 1, MEMORY_OCTETS, MEMORY_OCTETS + 1, 3 * MEMORY_OCTETS + 7]


@pytest.fixture
def folders(tmp_path):
    for name in ("staging", "a/cur", "a/tmp", "b/cur", "b/tmp", "queue"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def staged_of(folders, octets, chunk=10_000):
    staged = StagedFile(str(folders / "staging"))
    for start in range(0, len(octets), chunk):
        staged.write(octets[start : start + chunk])
    staged.finish()
    return staged


def left(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("size", SIZES)
def test_placed_in_three_places(folders, size):
    octets = os.urandom(size)
    staged = staged_of(folders, octets)
    places = [folders / "a/cur/1", folders / "b/cur/1", folders / "queue/1"]
    for place in places:
        staged.place(str(place))
    assert staged.size == size
    assert staged.head() == octets[:MEMORY_OCTETS]
    staged.discard()
    staged.discard()
    assert [place.read_bytes() for place in places] == [octets] * 3
    assert len({place.stat().st_ino for place in places}) == 1
    assert left(folders / "staging") == left(folders / "a/tmp") == []


@pytest.mark.parametrize("size", SIZES)
def test_discarded_leaves_nothing(folders, size):
    staged_of(folders, bytes(size)).discard()
    assert left(folders / "staging") == []


@pytest.mark.parametrize("size", [10, MEMORY_OCTETS + 1])
def test_the_first_place_may_be_gone_before_the_second(folders, size):
    staged = staged_of(folders, b"x" * size)
    staged.place(str(folders / "a/cur/1"))
    (folders / "a/cur/1").unlink()
    staged.place(str(folders / "b/cur/1"))
    assert (folders / "b/cur/1").read_bytes() == b"x" * size
    staged.discard()


@pytest.mark.parametrize("operation", ["write", "rename", "link"])
@pytest.mark.parametrize("size", [10, MEMORY_OCTETS + 1])
def test_a_disk_that_refuses_leaves_nothing_and_it_works_again_later(folders, operation, size):
    staged = staged_of(folders, b"x" * size)

    def before(wanted, path):
        if wanted == operation:
            raise OSError(errno.ENOSPC, "full")

    places = [folders / "a/cur/1", folders / "b/cur/1"]
    failures = 0
    with files.watched_by(before):
        for place in places:
            try:
                staged.place(str(place))
            except MailError as error:
                assert error.condition is Condition.STORAGE_FULL
                assert not place.exists()
                failures += 1
    assert failures or (operation == "write" and size > MEMORY_OCTETS)
    for place in places:
        if not place.exists():
            staged.place(str(place))
        assert place.read_bytes() == b"x" * size
    assert left(folders / "a/tmp") == left(folders / "b/tmp") == []
    staged.discard()


def test_durable_at_once_where_there_is_no_group_sync(folders):
    staged = StagedFile(str(folders / "staging"), sync=True)
    staged.write(b"octets")
    synced = []
    with files.watched_by(lambda operation, path: synced.append(path) if operation == "fsync" else None):
        staged.place(str(folders / "queue/1"))
    assert synced == [str(folders / "queue/1"), str(folders / "queue")]


@given(
    chunks=st.lists(st.binary(max_size=40_000), max_size=6),
    offset=st.integers(0, 200_000),
    length=st.integers(0, 200_000),
)
def test_reading_is_slicing(tmp_path_factory, chunks, offset, length):
    staged = StagedFile(str(tmp_path_factory.mktemp("staging")))
    for chunk in chunks:
        staged.write(chunk)
    whole = b"".join(chunks)
    assert staged.size == len(whole)
    assert staged.read(offset, length) == whole[offset : offset + length]
    staged.discard()


def test_parked_it_is_a_file_like_any_other(tmp_path):
    for text in (b"short", b"long" * 50_000):
        staged = StagedFile(str(tmp_path))
        staged.write(text)
        staged.finish()
        staged.park()
        assert staged.head() == text[:MEMORY_OCTETS]
        assert staged.read(3, 100) == text[3:103]
        first, second = tmp_path / "first", tmp_path / "second"
        staged.place(str(first))
        staged.place(str(second))
        assert first.read_bytes() == second.read_bytes() == text
        assert first.stat().st_ino == second.stat().st_ino
        assert staged.read(0, 5) == text[:5]
        staged.discard()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]
        first.unlink()
        second.unlink()


def test_parked_and_discarded_leaves_nothing(tmp_path):
    staged = StagedFile(str(tmp_path))
    staged.write(b"text")
    staged.park()
    assert list(tmp_path.iterdir())
    staged.discard()
    assert not list(tmp_path.iterdir())
