"""A binary message (RFC 3030) as text, which mailboxes and all other servers can carry."""

from mailstack.base.errors import Condition, MailError
from mailstack.message.recode import Unfit, to_eight_bit
from mailstack.store.api import MailStore
from mailstack.store.values import Staged

__all__ = ["as_text"]


def as_text(store: MailStore, staged: Staged) -> Staged:
    """A second staged message; the caller discards it.  MailError(BAD_CONTENT), OSError"""
    copy = store.stage()
    try:
        for piece in to_eight_bit(staged):
            if piece:
                copy.write(piece)
        copy.finish()
    except BaseException as failure:
        copy.discard()
        if isinstance(failure, Unfit):
            raise MailError(Condition.BAD_CONTENT, f"Not to be taken as BINARYMIME: {failure}") from failure
        raise
    return copy
