"""What a reload changes."""

from dataclasses import replace

from mailstack.config.diff import Changed, diff, in_force
from mailstack.config.model import Certificate, Config, Limits, Listener, Log, Tls
from mailstack.config.units import SocketAddress

OLD = Config(hostname="mail.example.org")


def test_nothing() -> None:
    assert diff(OLD, replace(OLD)) == ()


def test_values() -> None:
    new = replace(OLD, hostname="mx.example.org", log=Log(level="debug"), limits=Limits(message_size=1 << 20))
    changes = diff(OLD, new)
    assert changes == (
        Changed("hostname", '"mail.example.org"', '"mx.example.org"', live=False),
        Changed("limits.message_size", '"50MiB"', '"1MiB"', live=True),
        Changed("log.level", '"info"', '"debug"', live=True),
    )
    assert str(changes[0]) == 'hostname: "mail.example.org" → "mx.example.org" (needs a restart)'
    assert str(changes[2]) == 'log.level: "info" → "debug"'


def test_a_table_comes_and_goes() -> None:
    more = Listener(name="inside", protocol="imap", address=(SocketAddress("127.0.0.1", 1143),), tls="none")
    new = replace(OLD, listeners=(*OLD.listeners, more))
    come = diff(OLD, new)
    assert {change.key for change in come} >= {"listeners.inside.address", "listeners.inside.protocol"}
    assert all(change.old == "" and not change.live for change in come)
    assert all(change.new == "" and not change.live for change in diff(new, OLD))
    assert str(diff(new, OLD)[0]).endswith("→ not there (needs a restart)")


def test_certificates_are_live() -> None:
    new = replace(OLD, tls=Tls(extra=(Certificate(certificate="/c", key="/k"),)))
    assert [(change.key, change.live) for change in diff(OLD, new)] == [
        ("tls.extra[1].certificate", True),
        ("tls.extra[1].key", True),
    ]


def test_what_holds_after_a_reload() -> None:
    new = replace(
        OLD,
        hostname="mx.example.org",
        log=Log(level="debug", format="json"),
        limits=Limits(message_size=1 << 20),
        listeners=tuple(replace(one, enabled=False, max_connections=7) for one in OLD.listeners),
        tls=Tls(extra=(Certificate(certificate="/c", key="/k"),)),
    )
    held = in_force(OLD, new)
    assert held.hostname == OLD.hostname
    assert held.log == Log(level="debug", format="text")
    assert held.limits == new.limits
    assert held.tls == new.tls
    assert all(one.enabled and one.max_connections == 7 for one in held.listeners)
    assert all(change.live for change in diff(OLD, held))
    assert not any(change.live for change in diff(held, new))
