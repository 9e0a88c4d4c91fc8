"""Room on the disk: below a reserve no new mail is begun, so that flags, removals and the queue's outcomes still work.

Asked at most once a second; when room returns, mail is taken again by itself.
"""

from collections.abc import Callable, Sequence

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log

__all__ = ["RESERVE_OCTETS", "Room"]

RESERVE_OCTETS = 100 << 20
RESERVE_SHARE = 0.01  # of the file system, where that is less
ASK_EVERY = 1.0  # seconds


class Room:
    """Of all the file systems that `folders` are on.  `reserve` in octets."""

    def __init__(self, folders: Sequence[str], reserve: int, now: Callable[[], float]) -> None:
        self._folders, self._reserve, self._now = folders, reserve, now
        self._asked = float("-inf")
        self._refused = ""  # why new mail is refused just now

    def check(self) -> None:
        """MailError(STORAGE_FULL) below the reserve; MailError(UNAVAILABLE) for a disk that does not answer."""
        now = self._now()
        if not 0 <= now - self._asked < ASK_EVERY:
            self._asked = now
            self._tell(self._look())
        if self._refused:
            raise MailError(Condition.STORAGE_FULL, "Out of storage", detail=self._refused)

    @property
    def trouble(self) -> str:
        """Why new mail is refused just now; "" when it is not."""
        try:
            self.check()
        except MailError as refused:
            return refused.detail
        return ""

    def _look(self) -> str:
        for folder in self._folders:
            with files.passing():
                room = files.room_of(folder)
            reserve = min(self._reserve, int(room.octets * RESERVE_SHARE))
            if room.free_octets < reserve:
                return f"{folder}: {room.free_octets >> 20} MiB free, {reserve >> 20} MiB are kept in reserve"
            if room.files and not room.free_files:
                return f"{folder}: no file can be made any more (inodes)"
        return ""

    def _tell(self, refused: str) -> None:
        if bool(refused) != bool(self._refused):
            if refused:
                log(Event.STORE_FULL, reason=refused)
            else:
                log(Event.STORE_HAS_ROOM)
        self._refused = refused
