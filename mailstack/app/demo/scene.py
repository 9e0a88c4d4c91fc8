"""What the demo is made of: its folder, its configuration, its people, its ports."""

import os
import secrets
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from mailstack.accounts.passwords import make_credential
from mailstack.accounts.store import AccountStore
from mailstack.app.demo.check import Ports
from mailstack.base.secret import Secret
from mailstack.message.compose import Mailbox, message, text_part
from mailstack.tls.authority import MadeCertificate, make_certificate

__all__ = ["ACCOUNTS", "Scene", "make_scene", "ports_at", "welcome"]

ACCOUNTS = ("alice@demo.test", "bob@demo.test")
STANDARD_PORTS = Ports(smtp=2525, submission=2587, submissions=2465, pop3=2110, pop3s=2995, imap=2143, imaps=2993)
DNS_PORT, MX_PORT = 2053, 2526  # the stand-ins'

_CONFIG = """\
# Written by `mailstack demo`; the same kind of file as /etc/mailstack/mailstack.toml.
hostname = "mail.demo.test"
state = "{state}"

[tls]
certificate = "{certificate}"
key = "{key}"

[dns]
servers = ["127.0.0.1:{dns}"]      # the demo's own name server: it knows elsewhere.test and nothing else

[relay]
mx_port = {mx}                     # the demo's stand-in for other domains' mail servers

{listeners}"""

_WELCOME = """\
Hello {name},

this message was waiting in your INBOX when the demo started. Your mail
program has fetched it over {tls}TLS from a mail server that runs on this
very machine: mailstack.

Things to try:

- Write to {other}: it arrives at once, and a program that is watching the
  INBOX shows it within milliseconds.
- Write to carol@elsewhere.test: that is another domain. mailstack asks the
  DNS for its mail server and takes the message there. (In the demo both are
  stand-ins on this machine.)
- Write to nobody@elsewhere.test: that address does not exist there, and a
  report tells you so, and why.
- Look at the mail itself: {folder} is a Maildir.
  Copy a message's file into its cur/ folder and see it appear.

Have fun!
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A demo made ready in `folder`."""

    folder: Path
    config_file: Path
    ports: Ports
    dns_port: int
    mx_port: int
    certificate: MadeCertificate
    passwords: dict[str, Secret]
    is_new: bool  # nobody has been welcomed yet


def ports_at(offset: int) -> Ports:
    return Ports(**{field.name: getattr(STANDARD_PORTS, field.name) + offset for field in fields(Ports)})


def make_scene(folder: Path, offset: int) -> Scene:
    """Everything a first start makes, or what an earlier one has left, completed."""
    os.umask(0o077)
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    certificate = _certificate(folder)
    config_file = folder / "mailstack.toml"
    ports, dns_port, mx_port = ports_at(offset), DNS_PORT + offset, MX_PORT + offset
    config_file.write_text(_configuration(folder, ports, dns_port, mx_port, certificate), encoding="utf-8")
    passwords, is_new = _people(folder)
    return Scene(folder, config_file, ports, dns_port, mx_port, certificate, passwords, is_new)


def _certificate(folder: Path) -> MadeCertificate:
    made = MadeCertificate(*(str(folder / name) for name in ("ca.pem", "server.pem", "server.key")))
    if all(Path(path).exists() for path in (made.authority, made.certificate, made.key)):
        return made
    return make_certificate(folder, ["mail.demo.test"])


def _configuration(folder: Path, ports: Ports, dns_port: int, mx_port: int, certificate: MadeCertificate) -> str:
    listeners = "\n".join(
        f'[listeners.{field.name}]\naddress = ["127.0.0.1:{getattr(ports, field.name)}"]\n' for field in fields(Ports)
    )
    return _CONFIG.format(
        state=folder / "state",
        certificate=certificate.certificate,
        key=certificate.key,
        dns=dns_port,
        mx=mx_port,
        listeners=listeners,
    )


def _people(folder: Path) -> tuple[dict[str, Secret], bool]:
    """Accounts with passwords that are easy to type, kept in a private file for the next start to print again."""
    (folder / "state").mkdir(mode=0o700, exist_ok=True)
    file = folder / "passwords"
    known = dict(line.split() for line in file.read_text("utf-8").splitlines()) if file.exists() else {}
    passwords = {name: Secret(known.get(name) or _password()) for name in ACCOUNTS}
    is_new = not known
    people = AccountStore(folder / "state" / "accounts.sqlite")
    try:
        if "demo.test" not in people.domains():
            people.add_domain("demo.test")
        there = {account.name for account in people.accounts()}
        for name, password in passwords.items():
            if name not in there:
                people.add_account(name, make_credential(password))
            elif is_new:
                people.set_credential(name, make_credential(password))
    finally:
        people.close()
    if is_new:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.writelines(f"{name} {password.reveal()}\n" for name, password in passwords.items())
    return passwords, is_new


def _password() -> str:
    """Four groups of four letters and digits that are not mistaken for each other: 78 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))


def welcome(account: str, folder: Path) -> bytes:
    """The message that waits in the INBOX."""
    local, _, domain = account.partition("@")
    [other] = [name for name in ACCOUNTS if name != account]
    text = _WELCOME.format(name=local.capitalize(), tls="", other=other, folder=folder / "state/mail" / domain / local)
    return message(
        sender=Mailbox("postmaster@demo.test", "mailstack"),
        to=[Mailbox(account, local.capitalize())],
        subject="Welcome to mailstack",
        moment=datetime.now(UTC),
        message_id=f"welcome.{local}.{secrets.token_hex(6)}@demo.test",
        content=text_part(text),
    )
