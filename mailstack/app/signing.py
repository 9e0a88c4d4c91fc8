"""The keys of DKIM signing, as the configuration says."""

from collections.abc import Mapping, Sequence

from mailstack.base.events import Event, log
from mailstack.config.model import Config
from mailstack.dkim.keys import signing_keys
from mailstack.dkim.signature import SigningKey

__all__ = ["read_keys"]


def read_keys(config: Config) -> Mapping[str, Sequence[SigningKey]]:
    """Those that sign; a faulty one is told in the log and left out."""
    keys, faults = signing_keys(config.dkim_folder) if config.dkim.sign else ({}, ())
    for fault in faults:
        log(Event.DKIM_KEYS_UNREAD, reason=fault)
    return keys
