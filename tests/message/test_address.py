"""Address lists: RFC 5322's examples, the obsolete forms, and what is really sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.message.address import Address, Group, _plain, _Reader, mailboxes, parse_addresses


def a(display: str, local: str, domain: str, route: str = "") -> Address:
    return Address(display.encode(), local.encode(), domain.encode(), route.encode())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", []),
        (b" , ,, ", []),
        (b"John Doe <jdoe@machine.example>", [a("John Doe", "jdoe", "machine.example")]),  # RFC 5322 §A.1.1
        (
            b'"Joe Q. Public" <john.q.public@example.com>,\r\n Mary Smith <mary@x.test>, jdoe@y.test, Who? <a@y.test>',
            [
                a("Joe Q. Public", "john.q.public", "example.com"),
                a("Mary Smith", "mary", "x.test"),
                a("", "jdoe", "y.test"),
                a("Who?", "a", "y.test"),
            ],
        ),  # §A.1.2
        (
            b'<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
            [a("", "boss", "nil.test"), a('Giant; "Big" Box', "sysservices", "example.net")],
        ),
        (
            b"A Group:Ed Jones <joe@where.test>,jdoe@one.test;, x@y.test",
            [Group(b"A Group", (a("Ed Jones", "joe", "where.test"), a("", "jdoe", "one.test"))), a("", "x", "y.test")],
        ),  # §A.1.3
        (b"Undisclosed recipients:;", [Group(b"Undisclosed recipients", ())]),
        (
            b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
            [a("Pete", "pete", "silly.test")],
        ),  # §A.5
        (
            b"A Group(Some)\r\n :C Jones <c@(His host.)pub.example>,\r\n j@x.test,\r\n  J <jdoe@one.test> (x); (y)",
            [
                Group(
                    b"A Group",
                    (
                        a("C Jones", "c", "pub.example"),
                        a("", "j", "x.test"),
                        a("J", "jdoe", "one.test"),
                    ),
                )
            ],
        ),
        (
            b"Joe Q. Public <john.q@x.test>, M. Smith <@node.test,@b.test:mary@example.net>, , jdoe@test . example",
            [
                a("Joe Q. Public", "john.q", "x.test"),
                a("M. Smith", "mary", "example.net", "@node.test,@b.test"),
                a("", "jdoe", "test.example"),
            ],
        ),  # §A.6.1
        (b"alice@demo.test (Alice Smith)", [a("Alice Smith", "alice", "demo.test")]),
        (b'"john doe"@x.test', [a("", "john doe", "x.test")]),
        (b'<"a@b"@x.test>', [a("", "a@b", "x.test")]),
        (b"a@[192.0.2.1], <b@[IPv6:::1]>", [a("", "a", "[192.0.2.1]"), a("", "b", "[IPv6:::1]")]),
        (b"List [x] <l@x.test>", [a("List [x]", "l", "x.test")]),
        (b"=?utf-8?q?J=C3=BC?= <j@x.test>", [a("=?utf-8?q?J=C3=BC?=", "j", "x.test")]),
        ("Jü <j@x.test>".encode(), [a("Jü", "j", "x.test")]),
        # broken
        (b"John Doe jdoe@x.test", [a("John Doe", "jdoe", "x.test")]),
        (b"a@b@c.test", [a("", "a@b", "c.test")]),
        (b"alice", [a("", "alice", "")]),
        (b"No Address", [a("No Address", "", "")]),
        (b"<>", [a("", "", "")]),
        (b"Bob <bob@x.test", [a("Bob", "bob", "x.test")]),
        (b"bob@x.test>", [a("", "bob", "x.test")]),
        (b'"unclosed <bob@x.test>', [a("", "unclosed <bob@x.test>", "")]),
        (b"a@x.test; b@x.test;", [a("", "a", "x.test"), a("", "b", "x.test")]),
        (b"Two <a@x.test> <b@x.test>", [a("Two", "a", "x.test")]),
        (b"(only a comment", []),
        (b"a@x.test trailing words", [a("", "a", "x.test")]),
    ],
)
def test_lists(value: bytes, expected: list[Address | Group]) -> None:
    assert parse_addresses(value) == expected


def test_mailboxes_are_flat() -> None:
    assert [m.local for m in mailboxes(b"g: a@x, b@x; c@x")] == [b"a", b"b", b"c"]


@pytest.mark.parametrize(
    ("address", "spec"),
    [
        (a("", "john.doe", "x.test"), b"john.doe@x.test"),
        (a("", "john doe", "x.test"), b'"john doe"@x.test'),
        (a("", 'a"\\b', "x.test"), b'"a\\"\\\\b"@x.test'),
        (a("", "..", "x.test"), b'".."@x.test'),
        (a("", "", "x.test"), b'""@x.test'),
        (a("", "alice", ""), b"alice"),
    ],
)
def test_spec(address: Address, spec: bytes) -> None:
    assert address.spec == spec


LOCAL = st.text(st.characters(codec="ascii", exclude_characters="\r\n"), min_size=1).map(str.encode)


@given(LOCAL)
def test_a_quoted_local_part_comes_back(local: bytes) -> None:
    address = Address(b"", local, b"x.test")
    assert parse_addresses(b"<" + address.spec + b">") == [address]


@given(
    st.lists(
        st.sampled_from(
            [b'"', b"\\", b"(", b")", b"<", b">", b"@", b":", b";", b",", b".", b"[", b"]", b" ", b"a", b"\xff"]
        )
    )
)
def test_never_raises(pieces: list[bytes]) -> None:
    parse_addresses(b"".join(pieces))


@pytest.mark.parametrize(
    "piece", [b'"', b'"\\', b"(", b"(\\", b"[", b"<", b"<@", b"a@", b"a:", b";", b"@,", b"<@,", b"a .", b"()"]
)
def test_hostile_lists_take_linear_time(piece: bytes) -> None:
    parse_addresses(piece * 40_000)


PIECES = [b"A", b"Bob", b"J.", b" ", b"  ", b"\t", b'"Q, x"', b'""', b"<", b">", b"@", b".", b",", b";", b":", b"a.b"]
PIECES += [
    b"a@b.test",
    b"<a@b.test>",
    b"(c)",
    b"\xc3\xb6",
    b"=?utf-8?q?x?=",
    b"[1.2.3.4]",
    b"\\",
    b'"',
    b"\r\n ",
    b"\x00",
]


@given(st.lists(st.sampled_from(PIECES), max_size=9).map(b"".join))
def test_plain_forms_are_read_as_by_the_whole_reader(value):
    whole = _Reader(value.translate(None, b"\r\n")).read()
    assert parse_addresses(value) == whole
    assert _plain(value.translate(None, b"\r\n")) in ([], whole)


@pytest.mark.parametrize(
    "value",
    [b"a@b.test", b" A B <a.c@b.test>", b'"A, B" <a@b>,c@d,  E F. G <x@y>', b"J. \xc3\xb6 <a@b>", b'""<a@b>', b"a@b,"],
)
def test_usual_forms_are_plain(value):
    assert _plain(value)
