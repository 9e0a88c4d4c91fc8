"""Addresses as they go out.  Pure."""

import idna

__all__ = ["NotForTheWire", "on_the_wire"]


class NotForTheWire(ValueError):
    """The address cannot be said to a server without SMTPUTF8."""


def on_the_wire(address: str, *, smtputf8: bool) -> str:
    """As MAIL and RCPT carry it: without SMTPUTF8 the domain in A-labels, and nothing beyond ASCII.

    NotForTheWire when that cannot be.  RFC 6531 §3.2
    """
    if smtputf8 or address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise NotForTheWire(f"<{address}> needs SMTPUTF8, which the sender has not asked for")
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except idna.IDNAError as fault:
        raise NotForTheWire(f"the domain of <{address}> is not one: {fault}") from fault
