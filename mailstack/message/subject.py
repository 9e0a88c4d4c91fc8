"""The base subject: what is left of a subject without "Re:", "Fwd:", "[list]" and their like.  RFC 5256 §2.1

The algorithm is the RFC's to the letter, since clients that sort offline use it too; it runs in linear time.
"""

import re
from typing import Final

__all__ = ["base_subject"]

_BLANKS: Final = re.compile(r"[ \t\r\n]+")
_BLOBS: Final = re.compile(r"(?:\[[^\[\]]*\][ \t]*)*")
# subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"   RFC 5256 §5
_REFWD: Final = re.compile(r"(?:re|fwd?)[ \t]*(?:\[[^\[\]]*\][ \t]*)?:", re.IGNORECASE)
_FWD_HEAD: Final = "[fwd:"
_FWD_TAIL: Final = "(fwd)"


def base_subject(text: str) -> tuple[str, bool]:
    """The base of a decoded subject, and whether it is that of a reply or forward."""
    text = _BLANKS.sub(" ", text)
    lower = text.lower() if text.isascii() else "".join(sign.lower() if sign.isascii() else sign for sign in text)
    start, end, is_reply = 0, len(text), False
    while True:
        end, forwarded = _without_trailers(lower, start, end)
        start, replied = _without_leaders(lower, start, end)
        is_reply = is_reply or forwarded or replied
        if not (lower.startswith(_FWD_HEAD, start, end) and lower.endswith("]", start + len(_FWD_HEAD), end)):
            return text[start:end], is_reply
        start, end, is_reply = start + len(_FWD_HEAD), end - 1, True


def _without_trailers(lower: str, start: int, end: int) -> tuple[int, bool]:
    """subj-trailer = "(fwd)" / WSP: the new end, and whether there was a "(fwd)".   RFC 5256 §5"""
    forwarded = False
    while end > start:
        if lower[end - 1] == " ":
            end -= 1
        elif lower.endswith(_FWD_TAIL, start, end):
            end -= len(_FWD_TAIL)
            forwarded = True
        else:
            break
    return end, forwarded


def _without_leaders(lower: str, start: int, end: int) -> tuple[int, bool]:
    """subj-leader = (*subj-blob subj-refwd) / WSP, and blobs that leave something: steps 3 to 5.   RFC 5256 §2.1, §5"""
    replied = False
    while True:
        while start < end and lower[start] == " ":
            start += 1
        blobs = _BLOBS.match(lower, start, end)
        assert blobs is not None  # it matches nothing, too
        refwd = _REFWD.match(lower, blobs.end(), end)
        if refwd:
            start, replied = refwd.end(), True
            continue
        if blobs.end() < end:
            return blobs.end(), replied
        return _start_of_last_blob(lower, start, end), replied


def _start_of_last_blob(lower: str, start: int, end: int) -> int:
    """Blobs up to the end: the last one is the base, since that may not be empty."""
    return max(start, lower.rfind("[", start, end)) if start < end else start
