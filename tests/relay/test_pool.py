"""Connections that serve several messages, against real servers on loopback."""

from dataclasses import replace
from random import Random

import pytest

from mailstack.dns.api import MxHost
from mailstack.queue.api import Delivered, Failed, Recipient
from mailstack.relay.courier import MxCourier
from mailstack.relay.pool import Pool
from mailstack.relay.settings import Reuse
from tests.fakes.smtpsink import DROP
from tests.relay.test_courier import LOGIN, USUAL, Names, ServerTls, X, Y, certificate, field, spin  # noqa: F401

# ruff: noqa: F811


def verbs(said):
    return [line.split(" ")[0] for line in said]


def limited(f, **limits):
    f.pool.reuse = replace(Reuse(), **limits)
    return f


def test_the_next_message_needs_no_new_connection(field):
    f = field(USUAL)
    for _ in range(3):
        assert isinstance(f.mx(X)[X], Delivered)
    assert len(f.sinks[0].mails) == 3
    assert [verbs(said) for said in f.sinks[0].commands] == [["EHLO", *["MAIL", "RCPT", "DATA"] * 3]]
    assert len(f.dialler.dialled) == 1


def test_tls_is_kept_and_told_with_each_delivery(field, certificate):
    f = field(USUAL, tls=ServerTls(certificate))
    assert f.mx(X) == f.mx(X)
    assert f.mx(X)[X].tls.endswith("unverified")
    assert verbs(f.sinks[0].commands[0]).count("STARTTLS") == 1
    assert f.sinks[0].under_tls == [True] * 3


def test_a_login_is_kept_and_is_for_its_user_alone(field, certificate):
    f = field(USUAL, tls=ServerTls(certificate), keywords=["AUTH PLAIN"])
    for _ in range(2):
        assert isinstance(f.smarthost(X, **LOGIN)[X], Delivered)
    assert len(f.dialler.dialled) == 1
    assert isinstance(f.smarthost(X, **(LOGIN | {"user": "other"}))[X], Delivered)
    assert len(f.dialler.dialled) == 2


def test_rset_after_a_transaction_that_came_to_nothing(field):
    f = field({"RCPT x@t.test": "550 5.1.1 nobody"})
    assert isinstance(f.mx(X)[X], Failed)
    assert isinstance(f.mx(Y)[Y], Delivered)
    (said,) = f.sinks[0].commands
    assert verbs(said) == ["EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"]


def test_so_many_messages_and_no_more(field):
    f = limited(field(USUAL), messages_max=2)
    for _ in range(5):
        f.mx(X)
    f.spin.until(lambda: verbs(f.sinks[0].commands[1])[-1] == "QUIT")
    assert [verbs(said).count("DATA") for said in f.sinks[0].commands] == [2, 2, 1]


def test_idle_connections_leave_by_themselves(field):
    f = limited(field(USUAL), idle_seconds=0.05)
    f.mx(X)
    assert len(f.pool) == 1
    f.spin.until(lambda: not f.sinks[0].busy)
    assert f.sinks[0].commands[0][-1] == "QUIT"
    assert len(f.pool) == 0


def test_no_more_idle_ones_than_the_limit(field):
    f = limited(field(USUAL), idle_max=0)
    f.mx(X)
    f.spin.until(lambda: not f.sinks[0].busy)
    assert f.sinks[0].commands[0][-1] == "QUIT"


@pytest.mark.parametrize("second", [DROP, "421 4.4.2 idle too long"])
def test_a_kept_connection_that_went_bad_costs_nothing(field, second):
    """Closed while idle, or at the very next MAIL: a new one takes over, without another host or a retry."""
    f = field({"MAIL": ["250 ok", second, "250 ok"]})
    f.mx(X)
    assert isinstance(f.mx(X)[X], Delivered)
    assert [verbs(said).count("MAIL") for said in f.sinks[0].commands] == [2, 1]


def test_a_server_that_hung_up_meanwhile(field):
    f = field(USUAL)
    f.mx(X)
    (idle,) = next(iter(f.pool._idle.values()))
    idle.line.connection.abort()
    assert isinstance(f.mx(X)[X], Delivered)
    assert len(f.sinks[0].commands) == 2


def test_a_lost_dot_is_not_sent_again_over_another_connection(field):
    f = field({"DOT": ["250 ok", DROP, "250 ok"]})
    f.mx(X)
    assert f.mx(X)[X].reply.status == "4.4.2"
    assert len(f.sinks[0].commands) == 1


def test_among_equal_hosts_the_one_that_is_open_comes_first(field):
    f = field(USUAL, USUAL, USUAL)
    equals = Names({"t.test": [MxHost(1, f"mx{n}.t.test") for n in (1, 2, 3)]}, **f.names._addresses)
    courier = MxCourier(f.settings, equals, f.visits, Random(5))
    for _ in range(6):
        assert isinstance(f.deliver(courier, (X,), b"hello\r\n")[X], Delivered)
    assert len(f.dialler.dialled) == 1


def test_another_domain_of_the_same_host_shares_it(field):
    f = field(USUAL)
    f.names._mx["other.test"] = (MxHost(1, "mx1.t.test"),)
    f.mx(X)
    assert isinstance(next(iter(f.mx(Recipient("x@other.test")).values())), Delivered)
    assert len(f.dialler.dialled) == 1


def test_a_closed_pool_keeps_nothing(field):
    f = field(USUAL)
    f.pool.close()
    f.mx(X)
    f.spin.until(lambda: not f.sinks[0].busy)
    assert len(f.pool) == 0
    assert isinstance(f.pool, Pool)
