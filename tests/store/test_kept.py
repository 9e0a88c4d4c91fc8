"""What is kept of messages: found again, bounded, and never in anybody's way."""

from hypothesis import given
from hypothesis import strategies as st

from mailstack.store.kept import UIDS, Kept

UID_VALUES = st.dictionaries(st.integers(1, 3 * UIDS), st.binary(max_size=20), max_size=40)


def never():
    raise AssertionError("it is kept")


@given(UID_VALUES, st.lists(st.integers(1, 3 * UIDS), unique=True).map(sorted))
def test_of_many_is_what_each_has(values, asked):
    kept = Kept(None)
    for uid, value in values.items():
        kept.keep(1, 7, "envelope", uid, value)
    assert kept.of(1, 7, "envelope", asked) == [values.get(uid) for uid in asked]
    assert kept.of(1, 8, "envelope", asked) == [None] * len(asked)
    assert kept.of(1, 7, "body", asked) == [None] * len(asked)


def test_made_once(tmp_path):
    kept = Kept(str(tmp_path / "cache.sqlite"))
    assert kept.get(1, 7, "envelope", 5, lambda: b"made") == b"made"
    assert kept.get(1, 7, "envelope", 5, never) == b"made"
    kept.close()


def test_the_next_process_finds_it(tmp_path):
    path = str(tmp_path / "cache.sqlite")
    first = Kept(path)
    values = {uid: b"%d" % uid * (uid % 7) for uid in range(1, 1000)}
    for uid, value in values.items():
        first.keep(3, 1, "fields from to", uid, value)
    first.close()
    second = Kept(path)
    assert second.of(3, 1, "fields from to", list(values)) == list(values.values())
    second.keep(3, 1, "fields from to", 2000, b"more")
    second.close()
    assert Kept(path).of(3, 1, "fields from to", [1, 2000]) == [values[1], b"more"]


def test_memory_is_bounded_and_what_went_is_read_again(tmp_path):
    kept = Kept(str(tmp_path / "cache.sqlite"), memory_octets=100_000)
    for uid in range(1, 20 * UIDS):
        kept.keep(1, 1, "envelope", uid, b"x" * 100)
        assert kept.octets <= 100_000 + UIDS * 300
    assert len(kept._memory) < 5
    assert kept.of(1, 1, "envelope", range(1, 20 * UIDS)) == [b"x" * 100] * (20 * UIDS - 1)
    assert kept.octets <= 100_000 + UIDS * 300


def test_without_a_working_file_it_is_made_again(tmp_path):
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"no database at all, however long it is")
    kept = Kept(str(path))
    for uid in range(1, 3000):
        kept.keep(1, 1, "envelope", uid, b"value")
    assert kept.get(1, 1, "envelope", 1, never) == b"value"
    kept.close()
    assert Kept(str(path)).get(1, 1, "envelope", 1, lambda: b"again") == b"again"


def test_a_full_file_starts_anew(tmp_path):
    path = str(tmp_path / "cache.sqlite")
    kept = Kept(path, disk_octets=1 << 18)
    for uid in range(1, 20 * UIDS):
        kept.keep(1, 1, "envelope", uid, b"x" * 500)
    kept.flush()
    assert kept.of(1, 1, "envelope", [20 * UIDS - 1]) == [b"x" * 500]
    kept.close()
    assert (tmp_path / "cache.sqlite").stat().st_size <= 1 << 18


def test_damaged_rows_are_made_again(tmp_path):
    path = str(tmp_path / "cache.sqlite")
    kept = Kept(path)
    kept.keep(1, 1, "envelope", 5, b"value")
    kept.flush()
    with kept._cache:
        kept._cache.execute("UPDATE kept_block SET ends = x'00'")
    kept._memory.clear()
    assert kept.get(1, 1, "envelope", 5, lambda: b"again") == b"again"
    kept.close()
