"""The text of a configuration file → `Config`, or `ConfigError` with every fault in it."""

import re
import tomllib
from dataclasses import replace

from mailstack.config.check import cross_check
from mailstack.config.faults import ConfigError, Fault
from mailstack.config.model import Config
from mailstack.config.read import read_config

__all__ = ["glimpse", "load"]

_WHERE = frozenset({"state", "control.socket"})
_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


def load(text: str, file: str = "mailstack.toml") -> Config:
    """Raises ConfigError.  `file` is only a name for its lines.

    Faults within keys and between keys are told together.  A syntax error is alone: nothing behind it can be trusted.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, [_syntax_fault(str(error), text)]) from None
    config, faults = read_config(table)
    config = _with_kept_certificate(config)
    told = {fault.key for fault in faults}
    faults += tuple(fault for fault in cross_check(config) if fault.key not in told)
    if faults:
        raise ConfigError(file, faults)
    return config


def glimpse(text: str, file: str = "mailstack.toml") -> Config:
    """What can be made of a file that may be half edited, with stand-ins for what is faulty in it.

    Only to reach a server that runs with what the file held before.  ConfigError when not even
    the way to it can be told.
    """
    try:
        config, faults = read_config(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, [_syntax_fault(str(error), text)]) from None
    if lost := [fault for fault in faults if fault.key in _WHERE]:
        raise ConfigError(file, lost)
    return _with_kept_certificate(config)


def _with_kept_certificate(config: Config) -> Config:
    """Where the server keeps the certificate that it orders by itself."""
    if not config.tls.acme.enabled or config.tls.certificate or config.tls.key:
        return config
    folder = config.certificates_folder
    return replace(config, tls=replace(config.tls, certificate=f"{folder}/fullchain.pem", key=f"{folder}/privkey.pem"))


def _syntax_fault(error: str, text: str) -> Fault:
    """tomllib names the place within its message; we put it in front, where editors look for it."""
    match = _PLACE.fullmatch(error)
    said = (match[1] if match else error).replace("\n", " ")
    place = f"{match[2]}:{match[3]}" if match and match[2] else f"{text.count(chr(10)) + 1}:1"
    return Fault(place, f"not TOML: {said[:1].lower()}{said[1:]}; allowed: key = value, [table], # comment")
