"""DANE and MTA-STS from the DNS to the sink's TLS."""

from random import Random

import pytest

from mailstack.dns.api import Addresses, DnsFailure, MxHost, MxSet, TlsaRecord, TlsaSet
from mailstack.queue.api import Deferred, Delivered
from mailstack.relay.courier import MxCourier
from mailstack.relay.demands import Demands
from mailstack.relay.mtasts import StsMode, StsPolicy
from mailstack.relay.policy import Need, RefusedHost, for_mx, for_mx_host
from tests.relay.test_courier import USUAL, ServerTls, X, certificate, field, spin  # noqa: F401
from tests.relay.test_dane import chain_of, record

# ruff: noqa: F811

USUALLY = for_mx(opportunistic=True)
ENFORCED = StsPolicy(StsMode.ENFORCE, ("mx1.t.test",), 60)
TLSA = TlsaRecord(3, 1, 1, b"x" * 32)


@pytest.mark.parametrize(
    ("tlsa", "sts", "need", "verify", "by"),
    [
        (None, None, Need.OPPORTUNISTIC, False, ""),
        (TlsaSet(True, ()), None, Need.OPPORTUNISTIC, False, ""),
        (TlsaSet(False, (TLSA,)), None, Need.OPPORTUNISTIC, False, ""),  # forged, perhaps
        (TlsaSet(True, (TLSA,)), None, Need.REQUIRED, False, "DANE"),
        (TlsaSet(True, (TLSA,)), StsPolicy(StsMode.ENFORCE, ("no.test",), 60), Need.REQUIRED, False, "DANE"),
        (TlsaSet(True, (TlsaRecord(0, 0, 0, b"x"),)), None, Need.REQUIRED, False, ""),  # RFC 7672 §2.2
        (None, ENFORCED, Need.REQUIRED, True, "MTA-STS"),
        (None, StsPolicy(StsMode.TESTING, ("no.test",), 60), Need.OPPORTUNISTIC, False, ""),
    ],
)
def test_the_strongest_word_counts(tlsa, sts, need, verify, by):
    policy = for_mx_host(USUALLY, "mx1.t.test", "t.test", tlsa, sts)
    assert (policy.need, policy.verify, policy.by) == (need, verify, by)
    assert bool(policy.tlsa) is (by == "DANE")
    assert policy.reason
    assert (policy.after_failure() is None) is (need is Need.REQUIRED)


def test_a_host_that_the_policy_does_not_name():
    with pytest.raises(RefusedHost):
        for_mx_host(USUALLY, "mx2.t.test", "t.test", None, ENFORCED)


class Secured:
    """The field's names, validated; `tlsa` by host."""

    def __init__(self, names, *, secure_mx=True, secure_hosts=True, **tlsa):
        self.names, self.tlsa_now = names, {host.replace("_", "."): records for host, records in tlsa.items()}
        self.secure_mx, self.secure_hosts = secure_mx, secure_hosts
        self.asked = []

    async def mx(self, domain):
        return MxSet(self.secure_mx, (await self.names.mx(domain)).hosts)

    async def addresses(self, host):
        return Addresses(self.secure_hosts, (await self.names.addresses(host)).ips)

    async def tlsa(self, host, port):
        self.asked.append((host, port))
        found = self.tlsa_now.get(host, ())
        if isinstance(found, Exception):
            raise found
        return TlsaSet(True, tuple(found))


class Sts:
    def __init__(self, policy):
        self.policy = policy

    async def of(self, domain):
        assert domain == "t.test"
        return self.policy


def send(f, resolver, sts=None):
    demands = Demands(resolver, sts and Sts(sts), f.settings.port)
    courier = MxCourier(f.settings, resolver, f.visits, Random(1), demands)
    return f.deliver(courier, (X,), b"hello\r\n")[X]


def test_dane_verifies_what_no_authority_has_signed(field, certificate):
    f = field(USUAL, tls=ServerTls(certificate))
    good = record(3, 1, 1, chain_of(certificate)[0])
    resolver = Secured(f.names, mx1_t_test=[good])
    for _ in range(2):
        outcome = send(f, resolver)
        assert isinstance(outcome, Delivered)
        assert outcome.tls.endswith("verified by DANE")
    assert resolver.asked == [("mx1.t.test", 25)] * 2
    assert len(f.dialler.dialled) == 1  # the connection was good for the second, too


def test_dane_refuses_another_certificate_and_the_next_host_is_asked(field, certificate):
    f = field(USUAL, USUAL, tls=ServerTls(certificate))
    good = record(3, 1, 1, chain_of(certificate)[0])
    outcome = send(f, Secured(f.names, mx1_t_test=[TLSA], mx2_t_test=[TLSA, good]))
    assert isinstance(outcome, Delivered)
    assert outcome.reply.host == "mx2.t.test"
    assert f.sinks[0].mails == []


@pytest.mark.parametrize(
    ("tls", "tlsa", "status", "words"),
    [
        (True, [TLSA], "4.7.5", "DANE: its certificate matches none"),
        (False, [TLSA], "4.7.0", "offers no STARTTLS"),
        (True, DnsFailure("servfail"), "4.4.3", "TLSA of mx1.t.test not known"),
    ],
)
def test_dane_defers(field, certificate, tls, tlsa, status, words):
    f = field(USUAL, tls=ServerTls(certificate) if tls else None)
    outcome = send(f, Secured(f.names, mx1_t_test=tlsa))
    assert isinstance(outcome, Deferred)
    assert outcome.reply.status == status
    assert words in outcome.reply.text
    assert f.sinks[0].mails == []


@pytest.mark.parametrize("insecure", [{"secure_mx": False}, {"secure_hosts": False}])
def test_no_dane_where_the_way_to_the_records_is_not_secure(field, insecure):
    f = field(USUAL)
    resolver = Secured(f.names, mx1_t_test=[TLSA], **insecure)
    assert isinstance(send(f, resolver), Delivered)
    assert resolver.asked == []


def test_mta_sts_wants_a_certificate_that_is_valid(field, certificate):
    f = field(USUAL, tls=ServerTls(certificate))
    outcome = send(f, f.names, ENFORCED)
    assert outcome.tls.endswith("verified by MTA-STS")


def test_mta_sts_refuses_hosts_and_certificates(field, certificate):
    f = field(USUAL, USUAL, tls=ServerTls(certificate))
    f.names._mx["t.test"] = (MxHost(1, "mx2.t.test"),)  # its certificate is mx1's
    outcome = send(f, f.names, StsPolicy(StsMode.ENFORCE, ("mx2.t.test",), 60))
    assert isinstance(outcome, Deferred)
    assert outcome.reply.status == "4.7.5"
    outcome = send(f, f.names, ENFORCED)
    assert "does not name mx2.t.test" in outcome.reply.text
    assert f.sinks[1].mails == []


def test_mta_sts_in_testing_refuses_nothing(field):
    f = field(USUAL)
    assert isinstance(send(f, f.names, StsPolicy(StsMode.TESTING, ("no.test",), 60)), Delivered)
