"""What the sender asks of the way, towards real servers on loopback: REQUIRETLS, MT-PRIORITY, DELIVERBY."""

from datetime import UTC, datetime, timedelta

import pytest

from mailstack.dns.api import MxHost, MxSet
from mailstack.queue.api import Deferred, Delivered, Failed, Tls, Wishes
from mailstack.relay.mtasts import StsMode, StsPolicy
from mailstack.relay.policy import Need, RefusedHost, for_mx, for_mx_host, for_requiretls, regardless
from tests.fakes.smtpsink import Sink
from tests.relay.test_courier import Field, Names, ServerTls, X, certificate, spin  # noqa: F401  fixtures

USUAL = for_mx(opportunistic=True)
STS = StsPolicy(StsMode.TESTING, ("mx1.t.test",), 86400)
REQUIRED = Wishes(Tls.REQUIRED)


class Vouched(Names):
    """Names whose MX is secure."""

    async def mx(self, domain):
        return MxSet(hosts=(await super().mx(domain)).hosts, secure=True)


@pytest.fixture
def field(spin, certificate):  # noqa: F811
    made = []

    def make(*sinks):
        made.append(Field(spin, certificate, *sinks))
        return made[-1]

    yield make
    for each in made:
        each.close()


def vouched(field):
    hosts = {host: ips for host, ips in field.names._addresses.items() if host != "smart.test"}
    mx = tuple(MxHost(10 * n, host) for n, host in enumerate(hosts, 1))
    field.names = Vouched({"t.test": mx}, **hosts)
    return field


def sink(spin, *keywords, tls=None, **more):  # noqa: F811
    return Sink(spin.reactor, keywords=("PIPELINING", *keywords), tls=tls, **more)


# --- the policy ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "domain", "mx_secure", "sts", "good"),
    [
        ("mx1.t.test", "t.test", True, None, True),
        ("mx1.t.test", "t.test", False, STS, True),
        ("mx2.t.test", "t.test", False, STS, False),
        ("mx1.t.test", "t.test", False, None, False),
        ("t.test", "t.test", False, None, True),  # no MX: its name is the domain's own
    ],
)
def test_somebody_must_vouch_for_the_host(host, domain, mx_secure, sts, good):
    """RFC 8689 §4.2.1"""
    if not good:
        with pytest.raises(RefusedHost):
            for_requiretls(USUAL, host, domain, mx_secure=mx_secure, sts=sts)
        return
    policy = for_requiretls(USUAL, host, domain, mx_secure=mx_secure, sts=sts)
    assert (policy.need, policy.verify, policy.asked) == (Need.REQUIRED, True, True)


def test_no_means_regardless_of_what_the_domain_asks():
    strict = for_mx_host(USUAL, "mx1.t.test", "t.test", None, StsPolicy(StsMode.ENFORCE, ("mx1.t.test",), 1))
    assert strict.need is Need.REQUIRED
    assert regardless(USUAL).need is Need.OPPORTUNISTIC


# --- REQUIRETLS ------------------------------------------------------------------------------------------------


def test_verified_and_promised(spin, certificate, field):  # noqa: F811
    good = sink(spin, "REQUIRETLS", tls=ServerTls(certificate))
    outcome = vouched(field(good)).mx(wishes=REQUIRED)[X]
    assert isinstance(outcome, Delivered)
    assert good.mails[0][0].endswith(" REQUIRETLS")
    assert good.under_tls == [True]


def test_the_next_host_may_promise_it(spin, certificate, field):  # noqa: F811
    lax, good = sink(spin, tls=ServerTls(certificate)), sink(spin, "REQUIRETLS", tls=ServerTls(certificate))
    outcome = vouched(field(lax, good)).mx(wishes=REQUIRED)[X]
    # the second one's certificate is not for its name
    assert isinstance(outcome, Failed)
    assert lax.mails == good.mails == []


@pytest.mark.parametrize(
    ("tls", "keywords", "status"),
    [(True, (), "5.7.30"), (False, ("REQUIRETLS",), "5.7.10"), ("broken", ("REQUIRETLS",), "5.7.10")],
)
def test_what_is_not_safe_comes_back(spin, certificate, field, tls, keywords, status):  # noqa: F811
    """For good: RFC 8689 §4.2.1"""
    there = sink(spin, *keywords, tls=ServerTls(certificate, broken=tls == "broken") if tls else None)
    outcome = vouched(field(there)).mx(wishes=REQUIRED)[X]
    assert isinstance(outcome, Failed)
    assert outcome.reply.status == status
    assert there.mails == []


def test_nobody_vouches(spin, certificate, field):  # noqa: F811
    there = sink(spin, "REQUIRETLS", tls=ServerTls(certificate))
    outcome = field(there).mx(wishes=REQUIRED)[X]
    assert isinstance(outcome, Failed)
    assert outcome.reply.status == "5.7.10"
    assert there.commands == []


def test_a_host_that_is_down_is_tried_again(field):
    outcome = vouched(field(None)).mx(wishes=REQUIRED)[X]
    assert isinstance(outcome, Deferred)


def test_a_smarthost_must_promise_it_too(spin, certificate, field):  # noqa: F811
    there = sink(spin, tls=ServerTls(certificate))
    made = field(there)
    from mailstack.relay.courier import SmarthostCourier
    from mailstack.relay.settings import Smarthost

    courier = SmarthostCourier(made.settings, Smarthost("smart.test"), made.names, made.visits)
    outcome = made.deliver(courier, (X,), b"x\r\n", wishes=REQUIRED)[X]
    assert outcome.reply.status == "5.7.30"


# --- MT-PRIORITY, DELIVERBY --------------------------------------------------------------------------------------


def by(seconds, mode):
    return Wishes(deliver_by=datetime.now(UTC) + timedelta(seconds=seconds), by_mode=mode)


@pytest.mark.parametrize(("offered", "said"), [(("MT-PRIORITY",), " MT-PRIORITY=-3"), ((), ">")])
def test_the_priority_is_passed_on_where_it_is_known(spin, field, offered, said):  # noqa: F811
    there = sink(spin, *offered)
    assert isinstance(field(there).mx(wishes=Wishes(priority=-3))[X], Delivered)
    assert there.mails[0][0].endswith(said)


def test_what_is_left_of_the_time_is_passed_on(spin, field):  # noqa: F811
    there = sink(spin, "DELIVERBY")
    outcome = field(there).mx(wishes=by(1000, "RT"))[X]
    assert outcome.keeps_time
    _, _, left = there.mails[0][0].rpartition(" BY=")
    assert 990 <= int(left.removesuffix(";RT")) <= 1000


def test_a_time_that_is_over_is_passed_on_with_mode_n(spin, field):  # noqa: F811
    there = sink(spin, "DELIVERBY")
    assert isinstance(field(there).mx(wishes=by(-100, "N"))[X], Delivered)
    assert " BY=-1" in there.mails[0][0]


def test_mode_n_goes_to_servers_that_keep_no_time(spin, field):  # noqa: F811
    there = sink(spin)
    outcome = field(there).mx(wishes=by(1000, "N"))[X]
    assert isinstance(outcome, Delivered)
    assert not outcome.keeps_time
    assert "BY=" not in there.mails[0][0]


@pytest.mark.parametrize(("keyword", "status"), [("8BITMIME", "5.3.3"), ("DELIVERBY 2000", "5.4.7")])
def test_mode_r_does_not_go_where_its_time_is_not_kept(spin, field, keyword, status):  # noqa: F811
    there = sink(spin, keyword)
    outcome = field(there).mx(wishes=by(1000, "R"))[X]
    assert isinstance(outcome, Failed)
    assert outcome.reply.status == status
    assert there.mails == []
