"""When an address is sent away, and for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.accounts.bans import Ban, BanRules, Bans
from mailstack.accounts.networks import network_of, parse_network, wide_network_of
from mailstack.accounts.rates import Rate

IP = "192.0.2.1"


def guess(bans: Bans, number: int, now: float, ip: str = IP) -> Ban | None:
    return bans.guessed(ip, f"guess {number}".encode(), now)


@pytest.mark.parametrize(
    ("ip", "network", "wide"),
    [
        ("192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("", "", ""),
    ],
)
def test_networks(ip: str, network: str, wide: str) -> None:
    assert network_of(ip) == network
    assert wide_network_of(ip) == wide
    if network:
        assert parse_network(network) == network


def test_twenty_guesses() -> None:
    bans = Bans()
    assert [guess(bans, number, 0.0) for number in range(19)] == [None] * 19
    assert bans.of(IP, 0.0) is None
    ban = guess(bans, 19, 5.0)
    assert ban == Ban(IP, "20 wrong passwords within an hour", 5.0, 905.0, 1)
    assert bans.of(IP, 904.0) == ban
    assert bans.of("::ffff:192.0.2.1", 904.0) == ban
    assert bans.of("192.0.2.2", 904.0) is None
    assert bans.of(IP, 905.0) is None


def test_an_old_password_is_one_guess() -> None:
    """Microsoft's cloud goes on for days after a password was changed."""
    bans = Bans()
    assert [guess(bans, number % 19, float(number)) for number in range(10_000)] == [None] * 10_000


def test_guesses_are_forgotten() -> None:
    bans = Bans()
    assert [guess(bans, number, number * 190.0) for number in range(1000)] == [None] * 1000


def test_a_64_is_one() -> None:
    bans = Bans()
    made = [guess(bans, number, 0.0, f"2001:db8::{number:x}") for number in range(20)]
    assert made[-1] is not None
    assert bans.of("2001:db8::ffff", 1.0) is not None
    assert bans.of("2001:db8:0:1::1", 1.0) is None


def test_again_and_again() -> None:
    bans, now, lengths = Bans(), 0.0, []
    for _ in range(6):
        made = [guess(bans, number, now) for number in range(20)][-1]
        assert made is not None
        lengths.append(made.until - made.since)
        now = made.until + 60
    assert lengths == [900, 3600, 14400, 57600, 86400, 86400]
    now += 8 * 86400
    made = [guess(bans, number, now) for number in range(20)][-1]
    assert made is not None
    assert made.times == 1


def test_by_hand() -> None:
    bans = Bans()
    bans.put(Ban("198.51.100.0/24", "scans", 0.0, 100.0, everything=True))
    assert bans.of("198.51.100.9", 1.0) is not None
    assert bans.of("198.51.101.9", 1.0) is None
    assert [ban.network for ban in bans.in_force(1.0)] == ["198.51.100.0/24"]
    assert bans.in_force(100.0) == []
    assert bans.lift("198.51.100.0/24")
    assert not bans.lift("198.51.100.0/24")
    assert bans.of("198.51.100.9", 1.0) is None


def test_a_login_ends_it() -> None:
    bans = Bans()
    for number in range(20):
        guess(bans, number, 0.0)
    assert bans.trusted(IP, 10.0) is not None
    assert bans.of(IP, 10.0) is None
    assert bans.trusted(IP, 11.0) is None


def test_off() -> None:
    bans = Bans(BanRules(guesses=0))
    assert [guess(bans, number, 0.0) for number in range(100)] == [None] * 100


def test_memory_is_bounded() -> None:
    bans = Bans(BanRules(entries=10))
    for number in range(100):
        guess(bans, 0, 0.0, f"192.0.2.{number}")
    assert len(bans._guesses) == 10


# --- rates -------------------------------------------------------------------------------------------------------


def test_rate() -> None:
    rate = Rate(3, 60.0)
    assert [rate.count("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert rate.count("b", 0.0)
    assert not rate.count("a", 20.0)
    assert rate.count("a", 60.0)
    assert all(Rate(0, 60.0).count("a", 0.0) for _ in range(1000))


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=50))
def test_never_more_than_most_and_what_came_back(steps: list[tuple[float, int]]) -> None:
    rate, now, let = Rate(10, 60.0), 0.0, 0
    for wait, number in steps:
        now += wait
        let += number if rate.count("a", now, number) else 0
        assert let <= 10 + now * 10 / 60 + 1e-6
