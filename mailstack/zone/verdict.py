"""Whether what the world sees is what a record should be."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

from mailstack.zone.records import Need, Record

__all__ = ["State", "Verdict", "judge"]


class State(Enum):
    RIGHT = "right"
    MISSING = "missing"
    WRONG = "wrong"
    UNKNOWN = "unknown"  # no resolver could tell


@dataclass(frozen=True, slots=True)
class Verdict:
    record: Record
    state: State
    said: str  # in a few words

    @property
    def is_bad(self) -> bool:
        """Something is to be done about it."""
        optional = self.record.need is Need.OPTIONAL and self.state is State.MISSING
        return self.state is not State.RIGHT and not optional


def judge(record: Record, found: Sequence[str] | None) -> Verdict:
    """`found`: the data of all records of this owner and type, texts joined; None when nobody could tell."""
    if found is None:
        return Verdict(record, State.UNKNOWN, "no resolver gave an answer; try again")
    rule = {"TXT": _text, "MX": _mx}.get(record.kind, _plain)
    state, said = rule(record, [_normal(record.kind, data) for data in found])
    return Verdict(record, state, said)


def _plain(record: Record, found: Sequence[str]) -> tuple[State, str]:
    if _normal(record.kind, record.data) in found:
        return State.RIGHT, ""
    if not found:
        return State.MISSING, "there is none"
    return State.WRONG, f"the world sees {', '.join(found)}"


def _mx(record: Record, found: Sequence[str]) -> tuple[State, str]:
    """Any preference does; another server beside ours may be meant, and is named."""
    hosts = {data.partition(" ")[2]: data for data in found}
    ours = _normal("MX", record.data).partition(" ")[2]
    if ours not in hosts:
        return _plain(record, found)
    others = [data for host, data in hosts.items() if host != ours]
    return State.RIGHT, f"beside it: {', '.join(others)}" if others else ""


def _text(record: Record, found: Sequence[str]) -> tuple[State, str]:
    """Only texts of the same kind count; two of SPF or DMARC are as good as none (RFC 7208 §4.5, RFC 7489 §6.6.3)."""
    tag = _tag(record.data)
    same = [text for text in found if _tag(text) == tag]
    if not same:
        return State.MISSING, "there is none"
    if len(same) > 1:
        return State.WRONG, f"there are {len(same)} records of {tag}, and receivers then heed none: keep one"
    if _normal("TXT", same[0]) == _normal("TXT", record.data):
        return State.RIGHT, ""
    if tag in _YOURS_TO_SHAPE:
        return State.RIGHT, f"yours differs: {same[0]}"
    return State.WRONG, f"the world sees {same[0]}"


# there is more than one right text: what stands there was chosen by somebody
_YOURS_TO_SHAPE = ("v=spf1", "v=dmarc1", "v=tlsrptv1")


def _tag(text: str) -> str:
    """`v=spf1`, `v=dkim1`: what a text is about."""
    return text.replace(";", " ").split(" ", 1)[0].lower() if text.lower().startswith("v=") else ""


def _normal(kind: str, data: str) -> str:
    """One spelling for equal data."""
    if kind == "TXT":
        return "".join(data.split()) if _tag(data) == "v=dkim1" else " ".join(data.split())
    if kind in {"A", "AAAA"}:
        return str(ip_address(data))
    if kind == "CAA":
        return " ".join(data.split())
    return " ".join(data.lower().split())
