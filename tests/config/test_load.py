"""What a good file becomes; the bad ones are in tests/bad_configs."""

from datetime import timedelta

import pytest

from mailstack.config.faults import ConfigError
from mailstack.config.load import load
from mailstack.config.model import Config, Tls
from mailstack.config.units import SocketAddress

LEAST = 'hostname = "mail.example.org"\ntls = { certificate = "/c.pem", key = "/k.pem" }\n'


def test_least() -> None:
    config = load(LEAST)
    assert config == Config(hostname="mail.example.org", tls=Tls(certificate="/c.pem", key="/k.pem"))
    assert [listener.name for listener in config.listeners] == [
        "smtp",
        "submission",
        "submissions",
        "imap",
        "imaps",
        "pop3",
        "pop3s",
    ]
    assert config.mail_folder == "/var/lib/mailstack/mail"
    assert config.control_socket == "/var/lib/mailstack/control.sock"
    assert config.limits.imap_idle == timedelta(minutes=30)


def test_a_listener_changes_what_it_names() -> None:
    config = load(LEAST + '[listeners.smtp]\naddress = ["127.0.0.1:2525"]\n')
    smtp = config.listener("smtp")
    assert smtp.address == (SocketAddress("127.0.0.1", 2525),)
    assert (smtp.protocol, smtp.tls) == ("smtp", "starttls")


def test_a_listener_of_another_name() -> None:
    config = load(LEAST + '[listeners.inside]\nprotocol = "imap"\naddress = ["127.0.0.1:1143"]\ntls = "none"\n')
    assert config.listeners[-1] == config.listener("inside")
    assert config.listener("inside").protocol == "imap"
    with pytest.raises(KeyError):
        config.listener("outside")


def test_more_certificates() -> None:
    config = load(LEAST.replace("}", ', extra = [{ certificate = "/c2", key = "/k2" }] }'))
    assert [extra.certificate for extra in config.tls.extra] == ["/c2"]


def test_transports() -> None:
    text = """
    [[relay.transports]]
    to = "example.net"
    via = "server"
    host = "2001:DB8::1"
    [[relay.transports]]
    sender = "<>"
    via = "fail"
    """
    first, second = load(f"{LEAST}{text}").relay.transports
    assert (first.to, first.sender, first.host, first.port, first.tls) == (
        "example.net",
        "*",
        "2001:db8::1",
        25,
        "opportunistic",
    )
    assert (second.to, second.sender, second.via) == ("*", "<>", "fail")


def test_every_fault_at_once() -> None:
    text = """
        hostname = "mail"
        sate = "/srv"
        [limits]
        message_size = "50MB"
        hops = true
        [relay.smarthost]
        user = "me"
        """
    with pytest.raises(ConfigError) as caught:
        load(text, "my.toml")
    assert [fault.key for fault in caught.value.faults] == [
        "hostname",
        "limits.message_size",
        "limits.hops",
        "sate",
        "tls.certificate",
        "tls.key",
        "relay.smarthost.password_file",
        "relay.smarthost.host",
    ]
    assert str(caught.value).splitlines()[0] == (
        "my.toml:hostname: 'mail' is not a full host name; allowed: labels joined by dots, such as mail.example.org"
    )
