"""The configuration file read, with everything that only a look at the disk can tell."""

import os
from datetime import UTC, datetime
from pathlib import Path

from mailstack.config.faults import ConfigError, Fault
from mailstack.config.load import load
from mailstack.config.model import Config
from mailstack.tls.certs import certificate_faults

__all__ = ["DEFAULT_PATH", "configuration_path", "read_config"]

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
    config = load(text, path)
    faults = certificate_faults(config, datetime.now(UTC)) + _password_faults(config)
    if faults:
        raise ConfigError(path, faults)
    return config


def _password_faults(config: Config) -> tuple[Fault, ...]:
    path = config.relay.smarthost.password_file
    if not path:
        return ()
    try:
        with Path(path).open(encoding="utf-8") as file:
            given = bool(file.readline().strip())
    except (OSError, UnicodeDecodeError) as error:
        return (Fault("relay.smarthost.password_file", f"{path} cannot be read: {error}; allowed: a text file"),)
    if not given:
        return (Fault("relay.smarthost.password_file", f"{path} is empty; allowed: the password on its first line"),)
    return ()
