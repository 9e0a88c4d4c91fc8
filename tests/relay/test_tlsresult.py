import pytest
from twisted.internet.ssl import DefaultOpenSSLContextFactory

from mailstack.queue.api import RemoteReply
from mailstack.relay.mtasts import StsMode, StsPolicy
from mailstack.relay.tlsresult import TlsLevel, failure_of, spelled_policy
from mailstack.tls.authority import make_certificate
from tests.relay.test_walk import world  # noqa: F401  the fixture


def seen(world, sts=None):  # noqa: F811
    """The results of one walk to t.test."""
    results = []
    walk = world.walk()
    object.__setattr__(walk._visits, "watch", results.append)
    object.__setattr__(walk._courier._visits, "watch", results.append)

    async def asked(domain):
        return sts

    walk._demands.sts = asked
    world.spin.run(walk.by_mx("t.test"))
    return results


def secure(world, tmp_path, name):  # noqa: F811
    made = make_certificate(tmp_path, [name])
    world.sink.tls = DefaultOpenSSLContextFactory(str(made.key), str(made.certificate))


def test_in_the_clear(world):  # noqa: F811
    [result] = seen(world)
    assert (result.domain, result.host, result.ip) == ("t.test", "mx.t.test", "127.0.0.1")
    assert (result.failure, result.level) == ("starttls-not-supported", TlsLevel.CLEAR)


def test_with_tls(world, tmp_path):  # noqa: F811
    secure(world, tmp_path, "mx.t.test")
    [result] = seen(world)
    assert (result.failure, result.level) == ("", TlsLevel.ENCRYPTED)
    assert spelled_policy(result.policy)[0] == "no-policy-found"


@pytest.mark.parametrize(
    ("name", "mx", "failure"),
    [
        ("mx.t.test", "mx.t.test", ""),
        ("other.test", "mx.t.test", "certificate-host-mismatch"),
        ("mx.t.test", "else.test", "validation-failure"),
    ],
)
def test_a_policy_in_testing_is_measured_against(world, tmp_path, name, mx, failure):  # noqa: F811
    secure(world, tmp_path, name)
    [result] = seen(world, StsPolicy(StsMode.TESTING, (mx,), 60))
    assert (result.failure, result.level) == (failure, TlsLevel.ENCRYPTED)
    assert spelled_policy(result.policy) == (
        "sts",
        ("version: STSv1", "mode: testing", f"mx: {mx}", "max_age: 60"),
        (mx,),
    )


def test_an_enforced_policy_that_is_not_met(world, tmp_path):  # noqa: F811
    secure(world, tmp_path, "mx.t.test")  # signed by nobody
    [result] = seen(world, StsPolicy(StsMode.ENFORCE, ("mx.t.test",), 60))
    assert (result.failure, result.level) == ("certificate-not-trusted", None)
    [result] = seen(world, StsPolicy(StsMode.ENFORCE, ("else.test",), 60))
    assert (result.failure, result.ip) == ("validation-failure", "")


def test_an_enforced_policy_and_no_starttls(world):  # noqa: F811
    [result] = seen(world, StsPolicy(StsMode.ENFORCE, ("mx.t.test",), 60))
    assert (result.failure, result.level) == ("starttls-not-supported", None)


@pytest.mark.parametrize(
    ("code", "status", "text", "kind"),
    [
        (0, "4.7.5", "TLS: certificate has expired", "certificate-expired"),
        (0, "4.7.5", "TLS: certificate verify failed", "certificate-not-trusted"),
        (0, "4.7.5", "DANE: its certificate matches none of its TLSA records", "validation-failure"),
        (0, "4.7.5", "TLS: VerificationError", "certificate-host-mismatch"),
        (0, "4.7.0", "offers no STARTTLS", "starttls-not-supported"),
        (0, "4.4.1", "no connection", ""),
        (550, "5.7.1", "go away", ""),
    ],
)
def test_kinds_of_failure(code, status, text, kind):
    assert failure_of(RemoteReply("mx", code, status, text)) == kind
