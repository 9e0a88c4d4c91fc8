"""What is imported when it is first needed, because it is dear and most servers never need it.

A server that is started by root and then becomes another user imports it all before: the other
user may not be able to read the Python installation.
"""

import importlib
import os
from collections.abc import Iterable

__all__ = ["LATE", "import_before_leaving_root"]

LATE = (
    "joserfc.jwk",
    "joserfc.jwt",
    "mailstack.net.https",
    "mailstack.tls.acme.order",
    "zxcvbn",
)


def import_before_leaving_root(names: Iterable[str] = LATE) -> None:
    if os.geteuid() == 0:
        for name in names:
            importlib.import_module(name)
