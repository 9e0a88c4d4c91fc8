"""RFC 9051 Appendix E, item by item: where each change from IMAP4rev1 is shown.

A place is a transcript in `tests/sessions/imap` and a line of it, or a test; what asks nothing of a server says why.
"""

from pathlib import Path

import pytest

from mailstack.imap.cursor import Cursor
from mailstack.imap.fetch import Piece, items

SESSIONS = Path(__file__).parent.parent / "sessions" / "imap"
REV2, NAMES = "imap4rev2", "imap4rev2-names"

SHOWN = [
    (1, "test_sizes_of_63_bits", ""),
    (2, REV2, "C: q NAMESPACE"),
    (2, "close", "UNSELECT"),
    (2, "expunge", "UID EXPUNGE"),
    (2, "esearch", "RETURN (MIN MAX"),
    (2, "searchres", "$"),
    (2, "enable", "ENABLED"),
    (2, "idle", "IDLE"),
    (2, "authenticate", "AUTHENTICATE PLAIN "),
    (2, "list-extended", "RECURSIVEMATCH"),
    (2, "list-status", "STATUS ("),
    (2, "move", "MOVE"),
    (2, NAMES, "{8+}"),
    (2, "bad-commands", "BAD"),
    (2, REV2, "BINARY.SIZE[1] 20"),
    (2, "special-use", "\\Archive"),
    (3, REV2, "(MESSAGES 3 DELETED 0 SIZE"),
    (4, REV2, 'S: * ESEARCH (TAG "d") ALL 1:3'),
    (5, "search", "SEARCH"),
    (6, "../message/test_mime_parameters.py", "n*1=two; n*0=one"),
    (7, REV2, "[COPYUID"),
    (8, REV2, "S: l NO [TRYCREATE]"),
    (9, REV2, "[CLOSED]"),
    (10, REV2, 'S: * LIST (\\HasNoChildren) "/" Box'),
    (11, REV2, "S: * 3 EXISTS"),  # and the lines behind it: no UNSEEN, no RECENT
    (12, REV2, "S: * 1 FETCH (FLAGS ())"),
    (13, REV2, "$Forwarded"),
    (15, REV2, "PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)"),
    (16, NAMES, 'C: d CREATE "Entwürfe"'),
    (21, REV2, "S: * 2 FETCH (UID 2 FLAGS ($Forwarded))"),
    (27, "scram", "AUTHENTICATE SCRAM-SHA-256"),
    (28, "test_engine.py", "idle_limit"),
]
ASKS_NOTHING = {
    14: "grammar of extensions to come",
    17: "CHECK stays for IMAP4rev1",
    18: "RFC822 items stay for IMAP4rev1 (and Outlook)",
    19: "LSUB stays for IMAP4rev1",
    20: "a server may: NOTIFY does",
    22: "asks clients",
    23: "this server's texts are never empty",
    24: "this server's texts are ASCII",
    25: "TLS is the listener's",
    26: "this server says neither ALERT nor PREAUTH",
    29: "asks IANA",
    30: "asks nothing more",
}


@pytest.mark.parametrize(("item", "place", "line"), SHOWN)
def test_is_shown(item, place, line):
    assert item not in ASKS_NOTHING
    if place.startswith("test_sizes"):
        assert place in globals()
        return
    path = Path(__file__).parent / place if place.endswith(".py") else SESSIONS / f"{place}.txt"
    assert line in path.read_text(encoding="utf-8")


def test_no_item_is_forgotten():
    assert {item for item, _, _ in SHOWN} | set(ASKS_NOTHING) == set(range(1, 31))


def test_sizes_of_63_bits():
    """RFC 9051 Appendix D, §9: partial and sizes are number64"""
    (piece,) = items(Cursor([b"BODY.PEEK[]<9223372036854775806.9223372036854775807>"]))
    assert isinstance(piece, Piece)
    assert piece.partial == ((1 << 63) - 2, (1 << 63) - 1)
    assert Cursor([b"9223372036854775807"]).number64() == (1 << 63) - 1
