"""The sample file: every setting with its meaning, made from the model.  `etc/mailstack.toml` is this text."""

import textwrap
from collections.abc import Iterator

from mailstack.config.listeners import STANDARD_LISTENERS, Listener
from mailstack.config.model import Certificate, Config
from mailstack.config.setting import Section, Setting, sections, settings
from mailstack.config.transports import Transport

__all__ = ["sample", "show"]

_WIDTH = 100

_HEAD = """\
The configuration of mailstack.  `mailstack config check` tells every fault in it at once.

A line that starts with # and a space explains; a line that starts with # and a word is a setting
with its default value: take the # away to change it.  Durations are seconds, or text like "30s",
"10m", "1h30m", "5d"; sizes are octets, or text like "64KiB", "50MiB".  Where nothing else is said,
`systemctl reload mailstack` brings a change into effect; "needs a restart" says that it does not.
The user that the server runs as is not set here: systemd's User=, or twistd's --uid and --gid, say
it; ports below 1024 are bound before those rights are given up.  Ports and protocols of the
services are in [listeners.…], accounts are made with `mailstack account add NAME@DOMAIN`."""


def sample() -> str:
    """The text of `etc/mailstack.toml`, and of `mailstack config sample`."""
    lines = [*(f"# {line}".rstrip() for line in _HEAD.splitlines()), ""]
    lines += _settings(Config)
    for name, kind in sections(Config):
        if name == "tls":
            lines += _listeners()
        lines += _section(kind, name)
    return "\n".join(lines).rstrip("\n") + "\n"


def show(config: Config) -> str:
    """What is in force, defaults included, as TOML without comments."""
    lines = list(_in_force(config, ""))
    for listener in config.listeners:
        lines += ["", f"[listeners.{listener.name}]", *_values(listener)]
    for certificate in config.tls.extra:
        lines += ["", "[[tls.extra]]", *_values(certificate)]
    for transport in config.relay.transports:
        lines += ["", "[[relay.transports]]", *_values(transport)]
    return "\n".join(lines) + "\n"


def _in_force(section: Section, name: str) -> Iterator[str]:
    if name:
        yield from ("", f"[{name}]")
    yield from _values(section)
    for inner, _ in sections(type(section)):
        yield from _in_force(getattr(section, inner), f"{name}.{inner}" if name else inner)


def _values(section: Section) -> Iterator[str]:
    for known in settings(type(section)):
        yield f"{known.name} = {known.kind.write(getattr(section, known.name))}"


def _section(kind: type[Section], name: str) -> Iterator[str]:
    yield from _title(name)
    yield from _comment(kind.doc)
    yield f"[{name}]"
    yield ""
    yield from _settings(kind)
    for inner, inner_kind in sections(kind):
        yield from _section(inner_kind, f"{name}.{inner}")
    if name == "tls":
        yield from _extra_certificates()
    if name == "relay":
        yield from _transports()


def _title(name: str) -> Iterator[str]:
    yield ""
    yield f"# {f' {name} ':─^{_WIDTH - 2}}"


def _settings(kind: type[Section]) -> Iterator[str]:
    for known in settings(kind):
        yield from _explained(known)
        yield _line(known)
        yield ""


def _explained(known: Setting) -> Iterator[str]:
    yield from _comment(known.doc)
    default = "must be given" if known.required else f"default: {known.kind.write(known.default)}"
    yield from _comment(f"({default}{'' if known.live else '; needs a restart'})")
    yield from _comment(f"Reason to change it: {known.why}.")


def _line(known: Setting) -> str:
    """Keys that must be given, or have an example, are in force; the others stand behind a #."""
    must = known.required or known.name in ("certificate", "key")
    return f"{'' if must else '#'}{known.name} = {known.kind.write(known.example)}"


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH - 2, break_long_words=False, break_on_hyphens=False):
        yield f"# {line}"


def _listeners() -> Iterator[str]:
    yield from _title("listeners")
    yield from _comment(Listener.doc)
    yield "#"
    for known in settings(Listener):
        yield from _comment(f"{known.name}: {known.doc}")
        if not known.required:
            yield from _comment(f"  (default: {known.kind.write(known.default)})")
        yield from _comment(f"  Reason to change it: {known.why}.")
    yield from _comment("New limits hold after a reload; everything else about listeners needs a restart.")
    yield ""
    for listener in STANDARD_LISTENERS:
        yield f"[listeners.{listener.name}]"
        yield from (f"#{line}" for line in _values(listener))
        yield ""


def _transports() -> Iterator[str]:
    yield from _comment(Transport.doc)
    yield "#[[relay.transports]]"
    for known in settings(Transport):
        default = "" if known.required else f" (default: {known.kind.write(known.default)})"
        yield from _comment(f"{known.name}: {known.doc}{default}")
        yield f"#{known.name} = {known.kind.write(known.example)}"
    yield ""


def _extra_certificates() -> Iterator[str]:
    yield from _comment(Certificate.doc)
    yield "#[[tls.extra]]"
    yield '#certificate = "/etc/mailstack/imap.example.net.pem"'
    yield '#key = "/etc/mailstack/imap.example.net.key"'
    yield ""
