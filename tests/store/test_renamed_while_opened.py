"""A message whose flags change all the time is found all the time: by name, by listing, or by looking again."""

import threading
from pathlib import Path

from mailstack.base.errors import Condition, MailError
from mailstack.store import content


def test_never_gone_while_it_is_renamed(tmp_path):
    (tmp_path / "cur").mkdir()
    base = "1.M1P1Q1.host,S=3,U=1"
    names = [f"{tmp_path}/cur/{base}:2,{letters}" for letters in ("", "S", "RS", "FRS")]
    for number in range(300):
        (tmp_path / "cur" / f"other{number}").touch()
    Path(names[0]).write_bytes(b"abc")
    stop = threading.Event()

    def rename():
        at = 0
        while not stop.is_set():
            Path(names[at]).rename(names[(at + 1) % 4])
            at = (at + 1) % 4
            stop.wait(0.0005)

    other = threading.Thread(target=rename)
    other.start()
    try:
        for _ in range(2000):
            message = content.open_message(str(tmp_path), base, ("FRS", ""), 3)  # as the flags say, as the disk had
            assert message.read(0, 3) == b"abc"
            message.close()
    finally:
        stop.set()
        other.join()


def test_gone_is_gone(tmp_path):
    (tmp_path / "cur").mkdir()
    try:
        content.open_message(str(tmp_path), "1.M1P1Q1.host,S=3,U=1", ("",), 3)
    except MailError as error:
        assert error.condition is Condition.NO_SUCH_MESSAGE
    else:
        raise AssertionError("it opened")


def test_the_folder_is_not_listed_for_a_name_that_is_right(tmp_path, monkeypatch):
    (tmp_path / "cur").mkdir()
    Path(tmp_path, "cur", "1.M1P1Q1.host,S=3,U=1:2,S").write_bytes(b"abc")
    monkeypatch.setattr(content.maildir, "listing", None)
    content.open_message(str(tmp_path), "1.M1P1Q1.host,S=3,U=1", ("S", ""), 3).close()
