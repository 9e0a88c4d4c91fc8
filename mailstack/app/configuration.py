"""The configuration file read, with everything that only a look at the disk can tell.

The daemon and `mailstack config check` judge by this one module: what is good for one is good for the other.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mailstack.config.faults import ConfigError, Fault
from mailstack.config.load import glimpse, load
from mailstack.config.model import Config
from mailstack.tls.certs import certificate_faults, certificate_warnings, utc_now

__all__ = ["DEFAULT_PATH", "configuration_path", "examine", "read_config"]

DEFAULT_PATH = "/etc/mailstack/mailstack.toml"


def configuration_path(given: str = "") -> str:
    """What was given, else MAILSTACK_CONFIG, else the usual place."""
    return given or os.environ.get("MAILSTACK_CONFIG", "") or DEFAULT_PATH


def read_config(path: str) -> Config:
    """ConfigError with every fault: in the text, between keys, and in the files that it names."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        advice = "give another path with --config, or write one: mailstack config sample"
        raise ConfigError(path, [Fault("file", f"cannot be read: {error.strerror}; {advice}")]) from None
    except UnicodeDecodeError:
        raise ConfigError(path, [Fault("file", "is not UTF-8 text; allowed: TOML in UTF-8")]) from None
    faults, _ = examine(text, path)
    if faults:
        raise ConfigError(path, faults)
    return load(text, path)


def examine(text: str, file: str) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """(faults, warnings), of the text and of the files it names, as far as they can be made out."""
    try:
        config = load(text, file)
    except ConfigError as error:
        told = {fault.key for fault in error.faults}
        return (*error.faults, *(fault for fault in _faults_of_glimpse(text, file) if fault.key not in told)), ()
    return _file_faults(config), certificate_warnings(config, utc_now())


def _faults_of_glimpse(text: str, file: str) -> tuple[Fault, ...]:
    try:
        return _file_faults(glimpse(text, file))
    except ConfigError:
        return ()


def _file_faults(config: Config) -> tuple[Fault, ...]:
    return (*certificate_faults(config, utc_now()), *_state_and_password(config))


def _state_and_password(config: Config) -> Iterator[Fault]:
    state = Path(config.state)
    if state.exists() and not state.is_dir():
        yield Fault("state", f"{state} is a file; allowed: the path of a folder")
    if path := config.relay.smarthost.password_file:
        yield from _password_file("relay.smarthost.password_file", Path(path))


def _password_file(key: str, path: Path) -> Iterator[Fault]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        with path.open(encoding="utf-8") as file:
            empty = not file.readline().strip()
    except (OSError, UnicodeDecodeError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else "it is not UTF-8"
        yield Fault(key, f"{path} cannot be read ({reason}); allowed: a file with the password on its first line")
        return
    if mode & 0o007:
        yield Fault(key, f"{path} is open to everybody (mode {mode:04o}); allowed: chmod 600 {path}")
    if empty:
        yield Fault(key, f"{path} has an empty first line; allowed: the password")
