"""The certificates on the disk: where they are, whether one is due, and the stand-in until there is one."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from mailstack.tls.acme.values import Issued
from mailstack.tls.authority import make_certificate, write_private
from mailstack.tls.certs import CertificateFault, Pair, load_pair

__all__ = ["STAND_IN", "Kept"]

STAND_IN = "not a real certificate yet"
_SHARE_LEFT = 3  # renewed when less than one part in this many of the lifetime is left


class Kept:
    """`folder` is made when needed.  `names`: what the certificate must be for, the host's own first."""

    def __init__(self, folder: str, names: Sequence[str]) -> None:
        self._folder = Path(folder)
        self.names = tuple(dict.fromkeys(name.lower() for name in names))
        self.certificate = f"{folder}/fullchain.pem"
        self.key = f"{folder}/privkey.pem"
        self.account_key = f"{folder}/account.key"
        self._marker = self._folder / "stand-in"

    def pair(self) -> Pair | None:
        with suppress(CertificateFault):
            return load_pair(self.certificate, self.key)
        return None

    @property
    def is_stand_in(self) -> bool:
        return self._marker.exists()

    def why_due(self, now: datetime) -> str:
        """Why a certificate is to be ordered now; "" when none is."""
        pair = self.pair()
        if pair is None or self.is_stand_in:
            return "there is none yet"
        missing = [name for name in self.names if not pair.covers(name)]
        if missing:
            return f"it is not for {', '.join(missing)}"
        left = pair.valid_until - now
        if left < (pair.valid_until - pair.valid_from) / _SHARE_LEFT:
            return f"it is valid until {pair.valid_until:%Y-%m-%d} only"
        return ""

    def stand_in(self) -> None:
        """Something to start with, when there is nothing."""
        if self.pair() is not None:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = make_certificate(self._folder, self.names, valid_for=timedelta(days=30), also_local=False)
        self._marker.write_text(f"{STAND_IN}\n", encoding="utf-8")
        Path(made.key).replace(self.key)
        Path(made.certificate).replace(self.certificate)
        Path(made.authority).unlink()

    def keep(self, issued: Issued) -> None:
        """The key first: with the old chain it fits nothing, and then one is ordered anew."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.key, issued.key)
        write_private(self.certificate, issued.chain)
        self._marker.unlink(missing_ok=True)
