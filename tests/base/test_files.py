"""Durable writes: what they leave, also when the disk refuses."""

import errno
import os

import pytest

from mailstack.base import files
from mailstack.base.errors import Condition, MailError


def refusing(wanted, number=errno.EIO):
    def before(operation, path):
        if operation == wanted:
            raise OSError(number, os.strerror(number), path)

    return files.watched_by(before)


@pytest.mark.parametrize(
    ("number", "condition"),
    [
        (errno.ENOSPC, Condition.STORAGE_FULL),
        (errno.EDQUOT, Condition.STORAGE_FULL),
        (errno.EIO, Condition.UNAVAILABLE),
        (errno.EACCES, Condition.UNAVAILABLE),
        (errno.EROFS, Condition.UNAVAILABLE),
    ],
)
def test_faults_become_conditions(number, condition):
    with pytest.raises(MailError) as caught, files.passing():
        raise OSError(number, "no")
    assert caught.value.condition is condition


def test_text_is_replaced_whole_or_not_at_all(tmp_path):
    path = str(tmp_path / "text")
    files.replace_text(path, "old", sync=True)
    for operation in ("write", "rename"):
        with refusing(operation), pytest.raises(OSError, match="Input/output"):
            files.replace_text(path, "new", sync=True)
        assert (tmp_path / "text").read_text() == "old"
    files.replace_text(path, "new", sync=True)  # what the failed ones left behind is no hindrance
    assert (tmp_path / "text").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_a_text_that_replaces_another_is_synced_first(tmp_path):
    """A power cut may keep the rename and lose the octets."""
    path, done = str(tmp_path / "text"), []
    with files.watched_by(lambda operation, _: done.append(operation)):
        files.replace_text(path, "old", sync=True)
        files.replace_text(path, "new", sync=True)
    assert done == ["write", "rename", "write", "fsync", "rename"]


def test_a_link_that_cannot_be_is_a_copy_with_the_same_time(tmp_path, monkeypatch):
    def no_link(source, target):
        raise OSError(errno.EXDEV, "another file system")

    (tmp_path / "a").write_bytes(b"octets")
    os.utime(tmp_path / "a", (5, 1000))
    monkeypatch.setattr(os, "link", no_link)
    files.link_or_copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == b"octets"
    assert (tmp_path / "b").stat().st_mtime == 1000


def test_new_files_are_new_and_private(tmp_path):
    files.write_new(str(tmp_path / "a"), b"1")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        files.write_new(str(tmp_path / "a"), b"2")
    assert files.make_folder(str(tmp_path / "f"))
    assert not files.make_folder(str(tmp_path / "f"))
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o700


def test_removing_what_is_not_there(tmp_path):
    (tmp_path / "a").touch()
    assert files.remove(str(tmp_path / "a"))
    assert not files.remove(str(tmp_path / "a"))


def test_the_seam_sees_every_operation_and_goes_away(tmp_path):
    seen = []
    path = str(tmp_path / "a")
    with files.watched_by(lambda operation, _path: seen.append(operation)):
        files.write_new(path, b"x")
        files.set_time(path, 1)
        files.link_or_copy(path, path + "2")
        files.sync_file(path)
        files.sync_folder(str(tmp_path))
        files.remove_tree(path)
    files.remove(path)
    assert seen == ["write", "utime", "link", "fsync", "fsync", "rmtree"]


def test_sync_of_a_file_system(tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY)
    files.sync_file_system(fd)
    os.close(fd)
    with pytest.raises(OSError, match="Bad file"):
        files.sync_file_system(fd)
