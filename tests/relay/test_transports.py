from random import Random

import pytest

from mailstack.queue.api import Delivered, Failed, Recipient
from mailstack.relay.courier import MxCourier, SmarthostCourier
from mailstack.relay.routing import DiscardCourier, RefusingCourier, RoutingCourier
from mailstack.relay.settings import Smarthost, SmarthostTls
from mailstack.relay.transports import Rule, first_fit, fits, lane_name
from tests.relay.test_courier import USUAL, X, certificate, field, spin  # noqa: F401

# ruff: noqa: F811


@pytest.mark.parametrize(
    ("pattern", "address", "does"),
    [
        ("*", "x@t.test", True),
        ("*", "", True),
        ("t.test", "x@t.test", True),
        ("t.test", "x@T.TEST", True),
        ("@t.test", "x@t.test", True),
        ("t.test", "x@sub.t.test", False),
        ("t.test", "x@nott.test", False),
        (".t.test", "x@a.b.t.test", True),
        (".t.test", "x@t.test", False),
        ("x@t.test", "X@t.test", True),
        ("x@t.test", "xx@t.test", False),
        ("*@*.test", "x@t.test", True),
        ("list-*@t.test", "list-7@t.test", True),
        ("list-*@t.test", "lists@t.test", False),
        ("mail*.test", "x@mail7.test", True),
        ("[192.0.2.1]", "x@[192.0.2.1]", True),
        ("t.test", "x@tXtest", False),
        ("<>", "", True),
        ("<>", "x@t.test", False),
        ("t.test", "", False),
    ],
)
def test_patterns(pattern, address, does):
    assert fits(pattern, address) is does


RULES = (
    Rule("boss@t.test", "*", "1"),
    Rule("*", "@other.test", "2", shared=True),
    Rule("t.test", "*", "3", shared=True),
    Rule(".mx.test", "*", "4"),
)


@pytest.mark.parametrize(
    ("sender", "recipient", "route"),
    [
        ("a@here.test", "boss@t.test", "1"),
        ("a@other.test", "boss@t.test", "1"),
        ("a@other.test", "x@t.test", "2"),
        ("", "x@t.test", "3"),
        ("a@here.test", "x@a.mx.test", "4"),
        ("a@here.test", "x@else.test", None),
    ],
)
def test_the_first_that_fits(sender, recipient, route):
    rule = first_fit(RULES, sender, recipient)
    assert (rule and rule.route) == route


def test_lanes():
    assert lane_name(RULES, "t.test", "t.test") == "by 3"
    assert lane_name(RULES, "A.mx.test", "") == "a.mx.test"
    assert lane_name(RULES, "else.test", "else.test") == "else.test"
    assert lane_name(RULES, "else.test", "") == ""


def test_each_recipient_goes_its_own_way(field):
    f = field(USUAL, USUAL)
    server = Smarthost("192.0.2.2", 26, SmarthostTls.OPPORTUNISTIC)
    rules = (
        Rule("void.test", "*", "void"),
        Rule("no.test", "*", "no"),
        Rule("inside.test", "a@here.test", "inside", shared=True),
    )
    ways = {
        "void": DiscardCourier(),
        "no": RefusingCourier("not from here"),
        "inside": SmarthostCourier(f.settings, server, f.names, f.visits),
    }
    by_mx = MxCourier(f.settings, f.names, f.visits, Random(1))
    courier = RoutingCourier(rules, ways, by_mx)
    void, no, inside = Recipient("x@void.test"), Recipient("x@no.test"), Recipient("x@inside.test")
    outcomes = f.deliver(courier, (X, void, no, inside), b"hello\r\n")
    assert isinstance(outcomes[X], Delivered)
    assert outcomes[void].reply.text.startswith("discarded")
    assert isinstance(outcomes[no], Failed)
    assert outcomes[no].reply.text == "not from here"
    assert outcomes[inside].reply.host == "192.0.2.2"
    assert f.sinks[0].mails[0][1] == ("RCPT TO:<x@t.test>",)
    assert f.sinks[1].mails[0][1] == ("RCPT TO:<x@inside.test>",)
    assert f.dialler.dialled == [("192.0.2.1", 25), ("192.0.2.2", 26)]
