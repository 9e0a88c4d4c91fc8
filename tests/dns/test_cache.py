from twisted.internet.task import Clock

from mailstack.dns.cache import CacheLimits, TtlCache


def cache(**limits):
    clock = Clock()
    return clock, TtlCache(CacheLimits(**limits), clock.seconds)


def test_kept_for_as_long_as_it_says():
    clock, kept = cache()
    kept.put("a", 1, 10)
    clock.advance(9.9)
    assert kept.get("a") == 1
    clock.advance(0.1)
    assert kept.get("a") is None
    assert len(kept) == 0


def test_no_longer_than_the_limit_and_zero_not_at_all():
    clock, kept = cache(ttl_max_seconds=5)
    kept.put("a", 1, 1e9)
    kept.put("b", 1, 0)
    assert kept.get("b") is None
    clock.advance(5)
    assert kept.get("a") is None


def test_the_least_used_goes_first():
    _, kept = cache(entries=2)
    kept.put("a", 1, 10)
    kept.put("b", 2, 10)
    assert kept.get("a") == 1
    kept.put("c", 3, 10)
    assert [kept.get(key) for key in "abc"] == [1, None, 3]
    kept.put("c", 4, 10)
    assert kept.get("a") == 1
    kept.clear()
    assert kept.get("c") is None
