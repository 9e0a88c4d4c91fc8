from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.dns.api import MxHost, MxSet
from mailstack.relay.hosts import NoHosts, address_literal, interleave, order_hosts


def ordered(*hosts, own=(), dice=None, domain="t.test"):
    mx = MxSet(hosts=tuple(MxHost(*host) for host in hosts))
    return order_hosts(domain, mx, frozenset(own), dice or Random(1))


@pytest.mark.parametrize(
    ("hosts", "own", "expected"),
    [
        ([], (), ["t.test"]),
        ([(10, "a")], (), ["a"]),
        ([(20, "b"), (10, "a"), (30, "c")], (), ["a", "b", "c"]),
        ([(10, "a"), (20, "us"), (30, "c")], ("us",), ["a"]),
        ([(10, "a"), (20, "us"), (20, "c")], ("us",), ["a"]),  # equals of ours go as well: RFC 5321 §5.1
        ([(10, "a"), (20, "a")], (), ["a"]),
    ],
)
def test_order(hosts, own, expected):
    assert list(ordered(*hosts, own=own)) == expected


@pytest.mark.parametrize(
    ("hosts", "own", "status"),
    [
        ([(0, "")], (), "5.1.10"),
        ([(0, ""), (10, "a")], (), "5.4.4"),
        ([(10, "us")], ("us",), "5.4.6"),
        ([(10, "us"), (10, "b")], ("us",), "5.4.6"),
        ([], ("t.test",), "5.4.6"),
    ],
)
def test_nobody(hosts, own, status):
    with pytest.raises(NoHosts) as raised:
        ordered(*hosts, own=own)
    assert raised.value.reply.status == status


def test_equals_come_in_every_order():
    equals = [(10, name) for name in "abc"]
    seen = {ordered(*equals, (5, "first"), (20, "last"), dice=Random(seed)) for seed in range(200)}
    assert {order[0] for order in seen} == {"first"}
    assert {order[-1] for order in seen} == {"last"}
    assert len(seen) == 6


@pytest.mark.parametrize(
    ("domain", "ip"),
    [
        ("t.test", None),
        ("[192.0.2.1]", "192.0.2.1"),
        ("[IPv6:2001:DB8::1]", "2001:db8::1"),
        ("[ipv6:::1]", "::1"),
    ],
)
def test_address_literals(domain, ip):
    assert address_literal(domain) == ip


@pytest.mark.parametrize("domain", ["[]", "[t.test]", "[2001:db8::1]", "[IPv6:192.0.2.1]", "[1.2.3]", "[IPv6:]"])
def test_what_is_no_address_literal(domain):
    with pytest.raises(ValueError):
        address_literal(domain)


@given(st.lists(st.sampled_from(["1.1.1.1", "2.2.2.2", "::1", "::2"]), unique=True), st.integers(0, 5))
def test_families_take_turns(ips, at_most):
    turns = interleave(ips, at_most)
    assert len(turns) == min(at_most, len(ips))
    assert set(turns) <= set(ips)
    if at_most > 1 and any(":" in ip for ip in ips) and any("." in ip for ip in ips):
        assert [":" in ip for ip in turns[:2]] == [True, False]
