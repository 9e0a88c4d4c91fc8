"""Records as people type them: lines of a zone file, and rows for the form of a provider's web page."""

from collections.abc import Iterable

from mailstack.zone.records import Record

__all__ = ["form_row", "zone_file", "zone_line"]

STRING_OCTETS = 255  # of one character-string, RFC 1035 §3.3
TTL = 3600  # seconds


def zone_line(record: Record) -> str:
    """One line, whole names; long texts are cut into strings, which whoever reads them joins again."""
    data = _strings(record.data) if record.kind == "TXT" else record.data
    return f"{record.owner}. {TTL} IN {record.kind} {data}"


def zone_file(records: Iterable[Record]) -> str:
    """With the reason above each line; equal reasons are said once."""
    lines: list[str] = []
    said = ""
    for record in records:
        if record.why != said:
            lines.append(f"; {record.need.value}: {record.why}")
            said = record.why
        lines.append(zone_line(record))
    return "\n".join([*lines, ""])


def form_row(record: Record, domain: str) -> tuple[str, str, str, str]:
    """(name, type, priority, value) as the forms of most providers ask for them.

    The name is relative to the domain, `@` for the domain itself, whole when it is in another zone; priorities of
    MX stand in a field of their own; a long text is given whole: such forms cut it by themselves.
    """
    data, priority = record.data, ""
    if record.kind == "MX":
        priority, _, data = data.partition(" ")
    return _relative(record.owner, domain), record.kind, priority, data


def _relative(owner: str, domain: str) -> str:
    if owner == domain:
        return "@"
    return owner.removesuffix(f".{domain}")


def _strings(text: str) -> str:
    """Quoted, in pieces of at most 255 octets.  RFC 1035 §5.1"""
    octets = text.encode()
    pieces = [octets[start : start + STRING_OCTETS] for start in range(0, len(octets), STRING_OCTETS)] or [b""]
    return " ".join(f'"{_escaped(piece)}"' for piece in pieces)


def _escaped(piece: bytes) -> str:
    return "".join(
        f"\\{chr(octet)}" if octet in b'"\\' else chr(octet) if 32 <= octet < 127 else f"\\{octet:03}"
        for octet in piece
    )
