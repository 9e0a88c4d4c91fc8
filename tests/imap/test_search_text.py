"""What searches see of a message: decoded, without tags, folded; and records that are too long to keep."""

import base64
import time

import pytest

from mailstack.imap.search_text import BODY, FIELD, LONG, fields_record, fold, text_record
from mailstack.message.mime import Whole
from tests.imap.fakes import World

FOLDED = [
    ("abc", "ABC"),
    ("Grüße", "GRU\u0308ßE"),  # one sign becomes one sign: RFC 5051 §2
    ("\ufb01n", "fiN"),  # a ligature has no title case, and is taken apart after that
    ("\uff21\uff42", "AB"),  # full width
    ("\u01c6", "D\u017e".replace("\u017e", "z\u030c")),  # titlecase, decomposed
    ("漢字", "漢字"),
    ("\ud55c", "\u1112\u1161\u11ab"),  # Hangul
]


@pytest.mark.parametrize(("text", "folded"), FOLDED)
def test_fold(text, folded):
    assert fold(text) == folded


HTML = [
    ("<p>one</p><p>two</p>", "ONE TWO"),
    ("w<b>or</b>d", "WORD"),
    ("a &amp; b &uuml; &#233;", "A & B U\u0308 E\u0301"),
    ("a<!-- hidden -->b<style>p {}</style>c<script>x</script>d", "A B C D"),
    ("a<style>never closed", "A"),
    ("a<!-- never closed", "A"),
    ("a < b", "A < B"),
    ("a<img alt='x'", "A"),
]


@pytest.mark.parametrize(("html", "text"), HTML)
def test_html_without_its_tags(html, text):
    octets = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()
    assert text_record(Whole(octets)).partition(BODY)[2].decode().strip() == text


@pytest.mark.parametrize("piece", ["<", "<!--", "<style>", "<a ", "&", "<style></", "</style>"])
def test_hostile_html_costs_little(piece):
    octets = b"Content-Type: text/html\r\n\r\n" + piece.encode() * 100_000
    start = time.perf_counter()
    text_record(Whole(octets), whole=True)
    assert time.perf_counter() - start < 2


def test_records():
    octets = b"Subject: =?utf-8?Q?=C3=A4?=\r\n folded\r\nX-A: b\r\nTo: c@d\r\n\r\nBody \r\n"
    assert fields_record(Whole(octets)) == b"\xfeSUBJECT: A\xcc\x88 FOLDED\xfeTO: C@D"
    assert text_record(Whole(octets)) == b"\xfeSUBJECT: A\xcc\x88 FOLDED\xfeX-A: B\xfeTO: C@D\xfdBODY \r\n"


def test_bodies_of_parts_are_parted():
    part = b"--x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n%b\r\n"
    octets = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"".join(
        part % base64.b64encode(text) for text in (b"one", b"two")
    )
    assert text_record(Whole(octets)).partition(BODY)[2] == b"ONE" + FIELD + b"TWO"


def test_what_is_too_long_to_keep_is_found_all_the_same():
    """Also at its end, also in its header; and what is not there is not found."""
    world = World()
    filler = b"filler text " * 10_000
    head = b"Subject: zebra\r\nX-Long: giraffe\r\n\r\n"
    assert text_record(Whole(head + filler)) == LONG
    world.box().add(head + filler + b"okapi\r\n")
    world.box().add(b"Subject: other\r\n\r\nshort\r\n")
    talk = world.login()
    talk.say("s SELECT INBOX")
    for keys, found in [
        ("BODY okapi", " 1"),
        ("TEXT okapi", " 1"),
        ("BODY zebra", ""),
        ("TEXT zebra", " 1"),
        ("HEADER X-Long gira", " 1"),
        ("HEADER X-Long okapi", ""),
        ("NOT BODY okapi", " 2"),
        ("BODY short", " 2"),
        ('HEADER X-None ""', ""),
    ]:
        assert talk.say(f"a SEARCH {keys}") == [f"* SEARCH{found}", "a OK SEARCH completed"], keys


def test_a_field_is_not_found_in_another():
    world = World()
    world.box().add(b"Subject: one\r\nFrom: two@x\r\nX-A: Subject: three\r\n\r\nSubject: four\r\n")
    talk = world.login()
    talk.say("s SELECT INBOX")
    for keys, found in [
        ("SUBJECT one", " 1"),
        ("SUBJECT two", ""),
        ("SUBJECT three", ""),
        ("SUBJECT four", ""),
        ("HEADER X-A three", " 1"),
        ("HEADER A three", ""),
        ('HEADER X-A ""', " 1"),
        ('HEADER X ""', ""),
    ]:
        assert talk.say(f"a SEARCH {keys}") == [f"* SEARCH{found}", "a OK SEARCH completed"], keys
