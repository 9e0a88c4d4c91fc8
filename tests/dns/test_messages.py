import dns.message
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.dns.api import NoSuchDomain
from mailstack.dns.messages import Found, Trouble, make_query, read_answer, to_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.ORG", "example.org."),
        ("example.org.", "example.org."),
        ("b\xfccher.example", "xn--bcher-kva.example."),
        ("BÜCHER.example", "xn--bcher-kva.example."),
        ("_dmarc.example.org", "_dmarc.example.org."),
    ],
)
def test_names(text, name):
    assert to_name(text).to_text() == name


@pytest.mark.parametrize("text", ["", ".", "a..b", ".a", "x" * 64 + ".test", "a." * 130, "\u2603\u0378.test"])
def test_what_is_no_name(text):
    with pytest.raises(NoSuchDomain):
        to_name(text)


def test_a_backslash_is_a_character():
    assert to_name("a\\.b").labels == (b"a\\", b"b", b"")


QUERY = make_query(to_name("example.org"), dns.rdatatype.MX, edns=True)


@given(st.binary(max_size=80))
def test_garbage_is_not_ours(octets):
    found = read_answer(QUERY, octets)
    assert isinstance(found, tuple)
    assert found[0] is Trouble.NOT_OURS


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_answer_raises_nothing(position, octet):
    message = dns.message.make_response(dns.message.from_wire(QUERY.wire))
    message.answer.append(dns.rrset.from_text("example.org.", 60, "IN", "MX", "10 mx.example.org."))
    wire = bytearray(message.to_wire())
    wire[position % len(wire)] = octet
    assert isinstance(read_answer(QUERY, bytes(wire)), Found | tuple)


def test_a_circle_of_aliases():
    message = dns.message.make_response(dns.message.from_wire(QUERY.wire))
    message.answer.append(dns.rrset.from_text("example.org.", 60, "IN", "CNAME", "b.test."))
    message.answer.append(dns.rrset.from_text("b.test.", 60, "IN", "CNAME", "example.org."))
    trouble, words = read_answer(QUERY, message.to_wire())
    assert trouble is Trouble.SERVER_FAILED
    assert "circle" in words


def test_a_query_of_our_own_is_no_answer():
    assert read_answer(QUERY, QUERY.wire)[0] is Trouble.NOT_OURS
