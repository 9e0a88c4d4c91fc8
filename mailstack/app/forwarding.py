"""The key of rewritten return paths (`message.srs`): made at the first start."""

import secrets
from pathlib import Path

from mailstack.base import files
from mailstack.base.secret import Secret
from mailstack.config.model import Config
from mailstack.message.srs import Srs

__all__ = ["make_srs"]


def make_srs(config: Config) -> Srs | None:
    """None when it is switched off.  OSError.

    The file has a key a line: the first signs, the others are believed, for who changes it.
    """
    if not config.relay.srs:
        return None
    path = Path(config.state, "srs.key")
    if not path.exists():
        files.replace_text(str(path), secrets.token_urlsafe(32) + "\n", sync=True)
    keys = [Secret(line.strip()) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return Srs(keys or [Secret(secrets.token_urlsafe(32))], config.relay.srs_days)
