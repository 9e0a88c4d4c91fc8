import errno
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base import files
from mailstack.base.events import Event
from mailstack.base.secret import Secret
from mailstack.history.record import decode, encode
from mailstack.history.search import Asked, Search
from mailstack.history.segments import Limits, Segments, paths
from mailstack.history.story import stories

DAY = 86400.0


def line(mid, time=1000.0):
    return encode([(time, Event.MAIL_QUEUED, {"mid": mid, "recipients": "a@b.test"})])


def whole(folder):
    return b"".join(path.read_bytes() for path in paths(str(folder)))


def test_it_stays_within_its_size(tmp_path):
    segments = Segments(str(tmp_path), Limits(octets=1 << 20))
    for number in range(30_000):
        segments.append(line(f"m{number}"), 1000 + number)
    assert 0.8 * (1 << 20) < len(whole(tmp_path)) <= 1 << 20
    assert b"m29999" in whole(tmp_path)
    assert b'"m0"' not in whole(tmp_path)


def test_it_stays_within_its_age(tmp_path):
    segments = Segments(str(tmp_path), Limits(seconds=3 * DAY))
    for day in range(10):
        segments.append(line(f"d{day}"), day * DAY * 1.01)
    kept = whole(tmp_path)
    assert [day for day in range(10) if f"d{day}".encode() in kept] == [6, 7, 8, 9]


def test_it_is_private(tmp_path):
    folder = tmp_path / "history"
    Segments(str(folder), Limits()).append(line("m"), 1.0)
    [path] = paths(str(folder))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_switched_off_nothing_stays(tmp_path):
    segments = Segments(str(tmp_path), Limits())
    segments.append(line("m"), 1.0)
    segments.limits = Limits(octets=0)
    segments.append(line("n"), 2.0)
    assert paths(str(tmp_path)) == []


def test_below_the_reserve_nothing_is_written(tmp_path):
    segments = Segments(str(tmp_path), Limits(reserve=1 << 62))
    with pytest.raises(OSError, match="nearly full"):
        segments.append(line("m"), 1.0)
    assert whole(tmp_path) == b""


def test_half_a_line_harms_no_other(tmp_path, monkeypatch):
    """The disk fills up amid a write; what comes later begins a segment of its own."""
    segments = Segments(str(tmp_path), Limits())
    segments.append(line("before"), 1.0)

    def half(fd, data):
        os.write(fd, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(files, "write_all", half)
        with pytest.raises(OSError):
            segments.append(line("torn"), 2.0)
    segments.append(line("after"), 3.0)
    told = Search(str(tmp_path), Asked("a@b.test"), 10).run()
    assert list(told.messages) == ["before", "after"]


@given(st.integers(0, 400))
def test_a_crash_takes_the_end_only(tmp_path_factory, cut):
    """Whatever of the last octets is lost, every line that is whole is found."""
    folder = tmp_path_factory.mktemp("cut")
    segments = Segments(str(folder), Limits())
    data = b"".join(line(f"m{number}") for number in range(5))
    segments.append(data, 1.0)
    segments.close()
    [path] = paths(str(folder))
    os.truncate(path, max(len(data) - cut, 0))
    whole_lines = path.read_bytes().count(b"\n")
    found = Search(str(folder), Asked("a@b.test"), 10).run().messages
    assert len(found) in {whole_lines, whole_lines + 1}  # the last may lack nothing but its line end
    again = Segments(str(folder), Limits())
    again.append(line("next"), 1.0)  # in the same file, of the same moment
    assert "next" in Search(str(folder), Asked("next"), 10).run().messages


_FIELDS = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=6),
    st.one_of(st.text(), st.integers(-(2**70), 2**70), st.lists(st.text()), st.none(), st.booleans(), st.floats()),
)


@given(_FIELDS)
def test_whatever_the_fields_a_line_comes_back(fields):
    data = encode([(5.0, Event.MAIL_DROPPED, fields)])
    assert data.count(b"\n") == 1
    record = decode(data)
    assert record is not None
    assert (record.time, record.event) == (5.0, "MAIL_DROPPED")
    assert record.fields.keys() == fields.keys()


def test_a_secret_is_no_text(tmp_path):
    assert b"hunter2" not in encode([(5.0, Event.LOGIN, {"password": Secret("hunter2"), "odd": "\ud800"})])
    assert b"hunter2" not in encode([(5.0, Event.LOGIN, {"password": Secret("hunter2")})])


def test_half_surrogates_do_not_take_the_others_along():
    data = encode([(1.0, Event.LOGIN, {"a": "\ud800"}), (2.0, Event.LOGIN, {"a": "b"})])
    assert [decode(each).time for each in data.splitlines()] == [1.0, 2.0]


def test_what_is_no_history_is_passed_over(tmp_path):
    (tmp_path / "000000000001000.jsonl").write_bytes(b'{"a": 1}\n[1]\n"a@b.test"\n' + line("m") + b'[2,"X",{"a@b.test"')
    (tmp_path / "readme.jsonl").write_bytes(b"a@b.test")
    found = Search(str(tmp_path), Asked("a@b.test"), 10).run()
    assert list(found.messages) == ["m"]
    assert len(stories(found)) == 1


def test_a_traceback_is_kept_by_its_end():
    [record] = [decode(encode([(1.0, Event.INTERNAL_ERROR, {"error_id": "e", "failure": "x" * 9000 + "END"})]))]
    assert record.text("failure").endswith("END")
    assert len(record.text("failure")) == 2000
