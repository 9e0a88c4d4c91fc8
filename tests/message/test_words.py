"""RFC 2047 words, charsets, and undeclared 8-bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.message.words import codec, decode, decode_words, encode_raw, encode_word, readable

WORDS = [
    # RFC 2047 §8
    (b"(=?ISO-8859-1?Q?a?=)", "(a)"),
    (b"=?ISO-8859-1?Q?a?= b", "a b"),
    (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
    (b"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
    (b"=?ISO-8859-1?Q?a_b?=", "a b"),
    (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
    (b"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
    (b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"),
    # RFC 2231 §5: a language
    (b"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
    # broken, as it is sent
    (b"=?utf-8?B?w6Q?=", "ä"),
    (b"=?utf-8?B?w6?=", "\ufffd"),  # the rest of the character is cut off
    (b"=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "ä"),
    (b"=?utf-8?Q?two words?=", "two words"),
    (b"=?unknown-charset?Q?gr=FC=DFe?=", "grüße"),
    (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
    (b"=?utf-8?Q?abc", "=?utf-8?Q?abc"),
    (b"gr\xc3\xbc\xc3\x9fe", "grüße"),
    (b"gr\xfc\xdfe", "grüße"),
    (b"=?windows-1252?Q?=80?= \xe4", "€ ä"),
    (b"=?gb2312?B?xOO6ww==?=", "你好"),
    (b"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "日本"),
    (b"", ""),
]


@pytest.mark.parametrize(("value", "text"), WORDS)
def test_words(value, text):
    assert decode_words(value) == text


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("utf-8", "utf-8"),
        ("UTF8", "utf-8"),
        ("ISO_8859-1:1987", "iso8859-1"),
        ("windows-1252", "cp1252"),
        ("cp-850", "cp850"),
        ("ks_c_5601-1987", "euc_kr"),
        ("iso-8859-8-i", "iso8859-8"),
        ("base64", None),
        ("rot13", None),
        ("zlib", None),
        ("idna", None),
        ("punycode", None),
        ("unicode_escape", None),
        ("os.path", None),
        ("../../etc/passwd", None),
        ("x" * 1000, None),
        ("", None),
    ],
)
def test_charsets(label, name):
    found = codec(label)
    assert (found and found.name) == name


def test_decoding_never_fails():
    assert decode(b"\x80 quotes \x93", "iso-8859-1") == "€ quotes “"
    assert decode(b"abc", "") == "abc"
    assert decode(b"\xff", "us-ascii") == "ÿ"
    assert decode(b"\xff\xfe\x00", "utf-16") == "\ufffd"
    assert readable(b"\x81") == "\ufffd"


@given(st.text(min_size=1).filter(lambda text: max(text) < "\ud800" or min(text) > "\udfff"))
def test_encoded_words_come_back(text):
    words = encode_word(text)
    assert all(len(word) <= 75 and word.isascii() for word in words.split(b" "))
    assert decode_words(words) == text


@given(st.binary())
def test_nothing_8_bit_is_left(value):
    assert encode_raw(value).isascii()


@given(st.lists(st.sampled_from(["plain", "größe", "ünter", "x", '"q"']), max_size=8).map(" ".join))
def test_raw_text_reads_the_same_when_encoded(text):
    assert decode_words(encode_raw(text.encode())) == text


@pytest.mark.parametrize(
    "token", [b"x", b"=?", b"=?a?q?", b"=?a?q?x?=", b"=?utf-8?b?w6Q=?= ", b"\xff ", b"\xc3\xa4", b"?="]
)
def test_long_values_take_no_long_time(token):
    value = token * (200_000 // len(token)) + b"\xe4"
    decode_words(value)
    encode_raw(value)


@given(st.binary())
def test_any_octets_are_read(value):
    decode_words(value)
    decode_words(b"=?utf-8?b?" + value + b"?= =?x?q?" + value + b"?=")


@given(st.binary(), st.sampled_from(["utf-16", "utf-7", "hz", "iso-2022-jp", "gb18030", "big5", "x"]))
def test_any_octets_are_decoded(value, charset):
    decode(value, charset)
