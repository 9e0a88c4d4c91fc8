import pytest

from mailstack.relay.policy import Need, Step, for_mx, for_smarthost
from mailstack.relay.settings import Smarthost, SmarthostTls


@pytest.mark.parametrize(
    ("policy", "offered", "step"),
    [
        (for_mx(opportunistic=True), True, Step.START_TLS),
        (for_mx(opportunistic=True), False, Step.GO_ON),
        (for_mx(opportunistic=False), True, Step.GO_ON),
        (for_smarthost(Smarthost("s")), True, Step.START_TLS),
        (for_smarthost(Smarthost("s")), False, Step.GIVE_UP),
        (for_smarthost(Smarthost("s", tls=SmarthostTls.NONE)), True, Step.GO_ON),
        (for_smarthost(Smarthost("s", tls=SmarthostTls.IMPLICIT)), True, Step.GO_ON),  # it is on already
    ],
)
def test_steps(policy, offered, step):
    assert policy.step(offered=offered) is step
    assert policy.reason


def test_only_opportunistic_tls_may_be_left_out():
    assert for_mx(opportunistic=True).after_failure().need is Need.NONE
    for policy in (for_mx(opportunistic=False), for_smarthost(Smarthost("s"))):
        assert policy.after_failure() is None
    assert for_smarthost(Smarthost("s")).mandatory
    assert not for_mx(opportunistic=True).mandatory
    assert for_smarthost(Smarthost("s", verify=False)).verify is False
