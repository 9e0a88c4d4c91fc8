"""The one rule for names and passwords that come over the wire: UTF-8, no NUL, not endless."""

from mailstack.base.errors import ParseFault

__all__ = ["NAME_LIMIT", "PASSWORD_LIMIT", "text_field"]

# octets; RFC 4616 §2 asks for 255 at least, and passphrases and tokens are longer
NAME_LIMIT = 1020
PASSWORD_LIMIT = 4096


def text_field(data: bytes, what: str, limit: int) -> str:
    """1*SAFE of RFC 4616 §2, the UTF-8 text of one field.  ParseFault names the field, never shows it."""
    if not data:
        raise ParseFault(f"empty {what}")
    if len(data) > limit:
        raise ParseFault(f"{what} longer than {limit} octets")
    if b"\0" in data:
        raise ParseFault(f"NUL in the {what}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # not chained: the exception holds the octets, and those may be a password
        raise ParseFault(f"{what} is not UTF-8") from None
