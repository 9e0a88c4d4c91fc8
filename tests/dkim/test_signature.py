"""What dkimpy, a verifier that is not ours, says of our signatures."""

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from mailstack.dkim.canon import body_hash
from mailstack.dkim.keys import record
from mailstack.dkim.signature import OVER_SIGNED, SigningKey, signature
from mailstack.message.header import scan

RSA = SigningKey("demo.test", "r1", generate_private_key(65537, 2048))
ED = SigningKey("demo.test", "e1", Ed25519PrivateKey.generate())
ZONE = {f"{record(key)[0]}.": record(key)[1] for key in (RSA, ED)}
SECONDS = 1_700_000_000

MESSAGE = (
    b"From: Alice <alice@demo.test>\r\nTo: bob@elsewhere.test\r\nSubject: hello\r\n"
    b"Date: Fri, 15 Jan 2027 08:00:00 +0000\r\nMessage-ID: <1@demo.test>\r\n\r\nHello  Bob\r\n\r\n"
)


def dns(name, timeout=5):
    return ZONE.get(name.decode() if isinstance(name, bytes) else name, "").encode()


def signed(message, *keys):
    header = scan(message)
    hashed = body_hash([message[header.end :]])
    return b"".join(signature(header, hashed, key, SECONDS) for key in keys) + message


def verdicts(message):
    """One for each signature, from the top.  What has no line end at its end gets one on the way."""
    message = message if message.endswith(b"\r\n") else message + b"\r\n"
    count = message.partition(b"\r\n\r\n")[0].count(b"DKIM-Signature:")
    verifier = dkim.DKIM(message)
    return [_verdict(verifier, index) for index in range(count)]


def _verdict(verifier, index):
    try:
        return verifier.verify(index, dnsfunc=dns)
    except dkim.ValidationError as no:
        assert "body hash mismatch" in str(no)
        return False


def test_both_verify():
    assert verdicts(signed(MESSAGE, ED, RSA)) == [True, True]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello  Bob", b"Hello  Eve"),
        (b"alice@demo.test>", b"eve@demo.test>"),
        (b"Subject: hello", b"Subject: other"),
        (b"\r\n\r\nHello", b"\r\nX: y\r\nSubject: second\r\n\r\nHello"),  # below: over-signed
        (b"From: Alice", b"From: Eve <eve@evil.test>\r\nFrom: Alice"),
        (b"To: bob", b"Cc: more@evil.test\r\nTo: bob"),
        (b"Message-ID", b"Content-Type: text/html\r\nMessage-ID"),
    ],
)
@pytest.mark.parametrize("key", [RSA, ED], ids=["rsa", "ed25519"])
def test_what_was_changed_does_not(old, new, key):
    assert verdicts(signed(MESSAGE, key).replace(old, new)) == [False]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello  Bob\r\n\r\n", b"Hello Bob  \r\n"),  # what relays do to blanks
        (b"Subject: hello", b"SUBJECT:   hello "),
        (b"From: Alice", b"Received: by list.test\r\nList-Id: <x>\r\nSender: l@list.test\r\nFrom: Alice"),
    ],
)
def test_what_relays_and_lists_may_do(old, new):
    message = signed(MESSAGE, ED, RSA)
    assert old in message
    assert verdicts(message.replace(old, new)) == [True, True]


def test_the_field():
    field = signed(MESSAGE, RSA).partition(b"From: ")[0]
    assert max(map(len, field.split(b"\r\n"))) <= 78
    assert b"a=rsa-sha256; c=relaxed/relaxed;" in field
    unfolded = field.replace(b"\r\n\t", b"")
    tags = dict(part.strip().split(b"=", 1) for part in unfolded.partition(b":")[2].split(b";"))
    assert tags[b"t"] == b"1700000000"
    names = tags[b"h"].split(b":")
    assert all(names.count(name) == (2 if name + b":" in MESSAGE.lower() else 1) for name in OVER_SIGNED)


# no controls: dkimpy strips form feeds from values, which are no WSP to RFC 6376
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=120).map(str.encode)
_FOLD = st.lists(_TEXT, min_size=1, max_size=4).map(lambda parts: b"\r\n ".join(part + b"x" for part in parts))
_NAME = st.sampled_from(
    [b"To", b"Cc", b"Subject", b"SUBJECT", b"Date", b"X-Odd", b"References", b"Sender", b"Reply-To", b"Content-Type"]
)
_FIELDS = st.lists(st.builds(lambda name, value: name + b": " + value + b"\r\n", _NAME, _FOLD), max_size=8)
_BODY = st.lists(
    st.one_of(
        st.binary(max_size=80).map(lambda octets: octets.translate(None, b"\r\n")), st.sampled_from([b"", b" ", b"\t"])
    ),
    max_size=12,
).map(b"\r\n".join)


@given(_FIELDS, _BODY, st.integers(0, 4))
def test_whatever_the_message_dkimpy_finds_it_good(fields, body, blank_lines):
    message = b"From: alice@demo.test\r\n" + b"".join(fields) + b"\r\n" + body + b"\r\n" * blank_lines
    assert verdicts(signed(message, ED, RSA)) == [True, True]


def test_a_key_does_not_print():
    assert "PRIVATE" not in repr(RSA)
    assert "BEGIN" not in repr(ED)
