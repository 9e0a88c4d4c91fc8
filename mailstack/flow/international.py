"""Whether a message really needs SMTPUTF8 on its way to others.  RFC 6531 §3.4"""

from collections.abc import Iterable

from mailstack.store.values import Staged

__all__ = ["needs_smtputf8"]

_LOOK_OCTETS = 4 << 20  # a longer message that asks for it is believed
_PIECE_OCTETS = 256 << 10


def needs_smtputf8(addresses: Iterable[str], content: Staged) -> bool:
    """For a message whose sender asked for it: mail programs do so too often, and each time it may stop the message.

    Octets above 127 anywhere may be a header of an inner part; only all ASCII is sure not to need it.
    """
    if not all(address.isascii() for address in addresses) or content.size > _LOOK_OCTETS:
        return True
    pieces = range(0, content.size, _PIECE_OCTETS)
    return not all(content.read(offset, _PIECE_OCTETS).isascii() for offset in pieces)
