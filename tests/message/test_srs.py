import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.secret import Secret
from mailstack.message.srs import Srs, rewritten

NOW = 1_800_000_000.0
DAY = 86400.0
SRS = Srs([Secret("one")])
OTHER = Srs([Secret("two")])


def test_there_and_back():
    path = SRS.forward("far@elsewhere.test", "here.test", NOW)
    assert path.startswith("srs0=")
    assert path.endswith("=elsewhere.test=far@here.test")
    assert rewritten(path)
    assert SRS.reverse(path, NOW) == "far@elsewhere.test"
    assert SRS.reverse(path.upper(), NOW) == "FAR@ELSEWHERE.TEST"
    assert OTHER.reverse(path, NOW) is None


@pytest.mark.parametrize(("days", "holds"), [(-1, True), (0, True), (21, True), (22, False), (400, False)])
def test_it_expires(days, holds):
    path = SRS.forward("far@elsewhere.test", "here.test", NOW)
    assert (SRS.reverse(path, NOW + days * DAY) is not None) is holds


def test_a_second_forwarder_leads_back_to_the_first():
    """Two of ours, and a third that asks nobody but the first."""
    first = SRS.forward("far@elsewhere.test", "one.test", NOW)
    second = OTHER.forward(first, "two.test", NOW)
    third = SRS.forward(second, "three.test", NOW)
    assert second.startswith("srs1=")
    assert third.startswith("srs1=")
    assert "=one.test=" in third
    assert SRS.reverse(third, NOW).lower() == first
    assert OTHER.reverse(second, NOW).lower() == first
    assert SRS.reverse(OTHER.reverse(second, NOW).lower(), NOW) == "far@elsewhere.test"


def test_somebody_elses_srs0_with_base64():
    path = SRS.forward("SRS0+yf09=Cw=orig.test=user@first.test", "here.test", NOW)
    assert SRS.reverse(path, NOW) == "SRS0+yf09=Cw=orig.test=user@first.test"


def test_an_older_key_is_still_believed():
    path = SRS.forward("far@elsewhere.test", "here.test", NOW)
    assert Srs([Secret("new"), Secret("one")]).reverse(path, NOW) == "far@elsewhere.test"


@pytest.mark.parametrize(
    "address",
    ["srs0=aaaaaaaa=aa=elsewhere.test=far@here.test", "srs0=far@here.test", "srs0@here.test", "far@here.test", ""],
)
def test_what_is_not_ours(address):
    assert SRS.reverse(address, NOW) is None


def test_what_cannot_be_rewritten_stays():
    for sender in ('"a b"@elsewhere.test', "x" * 64 + "@" + "y" * 180 + ".test"):
        assert SRS.forward(sender, "here.test", NOW) == sender


_LOCAL = st.from_regex(r"[a-z0-9.+=_-]{1,40}", fullmatch=True)
_DOMAIN = st.from_regex(r"[a-z0-9-]{1,20}\.test", fullmatch=True)


@given(_LOCAL, _DOMAIN)
def test_any_sender_comes_back(local, domain):
    sender = f"{local}@{domain}"
    assert SRS.reverse(SRS.forward(sender, "here.test", NOW), NOW).lower() == sender


@given(_LOCAL, st.integers(5, 30), st.sampled_from("abcxyz234="))
def test_one_letter_changed_is_not_believed(local, place, letter):
    path = SRS.forward(f"{local}@elsewhere.test", "here.test", NOW)
    changed = path[:place] + letter + path[place + 1 :]
    if changed != path:
        assert SRS.reverse(changed, NOW) is None
