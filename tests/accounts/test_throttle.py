"""How long a try must wait."""

from hypothesis import given
from hypothesis import strategies as st

from mailstack.accounts.throttle import LoginThrottle, ThrottleLimits

IP = "192.0.2.1"


def test_people_mistype() -> None:
    throttle = LoginThrottle()
    waits = []
    now = 0.0
    for _ in range(9):
        wait = throttle.reserve("alice", IP, now)
        assert wait is not None
        waits.append(wait)
        now += wait
        throttle.failed("alice", IP, now)
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 30]
    assert throttle.reserve("alice", "198.51.100.7", now) == 0
    assert throttle.reserve("bob", IP, now) == 0
    throttle.succeeded("alice", IP, now)
    assert throttle.reserve("alice", IP, now) == 0


def test_side_by_side_is_no_faster() -> None:
    throttle = LoginThrottle()
    for _ in range(4):
        throttle.failed("alice", IP, 0.0)
    waits = [throttle.reserve("alice", IP, 0.0) for _ in range(20)]
    assert waits[:4] == [2, 4, 6, 8]
    assert waits[-1] is None


def test_forgotten() -> None:
    throttle = LoginThrottle()
    for _ in range(10):
        throttle.failed("alice", IP, 0.0)
    assert throttle.reserve("alice", IP, 901.0) == 0


def test_one_address_many_names() -> None:
    throttle = LoginThrottle(ThrottleLimits(address_failures=5))
    for number in range(6):
        throttle.failed(f"name{number}", IP, 0.0)
    assert throttle.reserve("alice", IP, 0.0) == 6.0
    assert throttle.reserve("alice", IP, 6.0) == 0.0
    for number in range(9):
        throttle.failed(f"again{number}", IP, 6.0)
    assert throttle.reserve("alice", IP, 6.0) is None


def test_one_stranger_at_a_webmail() -> None:
    """Who has logged in from there before is not held up by the failures of other names."""
    throttle = LoginThrottle(ThrottleLimits(address_failures=5))
    throttle.succeeded("alice", IP, 0.0)
    for number in range(50):
        throttle.failed(f"name{number}", IP, 1.0)
    assert throttle.reserve("alice", IP, 1.0) == 0
    assert throttle.reserve("bob", IP, 1.0) is None
    for _ in range(4):
        throttle.failed("alice", IP, 1.0)
    assert throttle.reserve("alice", IP, 1.0) == 2, "her own failures still count"
    assert not throttle._is_trusted("alice", IP, 8 * 86400.0)


def test_ipv6_networks() -> None:
    throttle = LoginThrottle()
    for _ in range(4):
        throttle.failed("alice", "2001:db8::1", 0.0)
    assert throttle.reserve("alice", "2001:db8::2", 0.0) == 2
    assert throttle.reserve("alice", "2001:db8:0:1::2", 0.0) == 0
    for _ in range(4):
        throttle.failed("alice", "::ffff:192.0.2.1", 0.0)
    assert throttle.reserve("alice", IP, 0.0) == 2


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["1.1.1.1", "::1", "x"]), st.booleans())))
def test_bounded(tries: list[tuple[str, str, bool]]) -> None:
    throttle = LoginThrottle(ThrottleLimits(entries=3))
    for now, (name, ip, right) in enumerate(tries):
        wait = throttle.reserve(name, ip, float(now))
        assert wait is None or 0 <= wait <= 30
        (throttle.succeeded(name, ip, float(now)) if right else throttle.failed(name, ip, float(now)))
    assert len(throttle._pairs) <= 3
    assert len(throttle._buckets) <= 3
    assert len(throttle._trusted) <= 3
