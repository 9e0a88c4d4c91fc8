"""The files of the history: appended to, begun anew when they are large, the oldest removed."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mailstack.base import files

__all__ = ["Limits", "Segments", "paths", "started"]

_SUFFIX = ".jsonl"
_SHARES = 16  # of the whole, so that at most this part of it goes at once
_SMALLEST, _LARGEST = 64 << 10, 16 << 20  # octets of a segment
_DAY = 86400.0  # a quiet server's segment ends all the same, that its age can be told


@dataclass(frozen=True, slots=True)
class Limits:
    """No octets: nothing is kept.  `reserve`: below so many free octets of the disk nothing is written."""

    octets: int = 256 << 20
    seconds: float = 14 * _DAY
    reserve: int = 64 << 20


class Segments:
    """The writer: one a process, any thread, one at a time."""

    def __init__(self, folder: str, limits: Limits) -> None:
        """`limits` may be replaced while it runs."""
        self.limits = limits
        self._folder = folder
        self._fd = -1
        self._size = 0
        self._begun = 0.0

    def append(self, lines: bytes, now: float) -> None:
        """OSError, and then nothing of `lines` is kept, but perhaps half of one."""
        if not self.limits.octets:
            self._forget()
            return
        if self._fd < 0 or self._size >= self._segment_octets or now - self._begun > _DAY:
            self._begin(now)
        room = os.fstatvfs(self._fd)
        if room.f_bavail * room.f_frsize < self.limits.reserve:
            raise OSError(28, "the disk is nearly full", self._folder)
        try:
            files.write_all(self._fd, lines)
        except OSError:
            self.close()  # the next one begins a segment: half a line stays behind it
            raise
        self._size += len(lines)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _forget(self) -> None:
        """It is switched off: what there was goes too."""
        self.close()
        for path in paths(self._folder):
            path.unlink(missing_ok=True)

    @property
    def _segment_octets(self) -> int:
        return max(_SMALLEST, min(_LARGEST, self.limits.octets // _SHARES))

    def _begin(self, now: float) -> None:
        self.close()
        Path(self._folder).mkdir(files.FOLDER_MODE, parents=True, exist_ok=True)
        path = f"{self._folder}/{int(now * 1000):015d}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(path, flags, files.FILE_MODE)
        self._size, self._begun = os.fstat(self._fd).st_size, now
        if self._size:  # two within a millisecond: there may be half a line
            files.write_all(self._fd, b"\n")
        self._prune(now)

    def _prune(self, now: float) -> None:
        """The oldest go, until the whole, with the segment that begins now, is small and young enough."""
        there = paths(self._folder)
        total = sum(path.stat().st_size for path in there) + self._segment_octets
        for path, after in itertools.pairwise(there):
            if total <= self.limits.octets and started(after) > now - self.limits.seconds:
                return
            total -= path.stat().st_size
            path.unlink(missing_ok=True)


def paths(folder: str) -> Sequence[Path]:
    """The segments, the oldest first."""
    there = Path(folder)
    return sorted(path for path in there.glob(f"*{_SUFFIX}") if path.stem.isdigit()) if there.is_dir() else []


def started(path: Path) -> float:
    """When it was begun, UNIX seconds."""
    return int(path.stem) / 1000
