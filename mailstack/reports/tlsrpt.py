"""A TLS report: values, its JSON, its mail, and where to send it.  Pure.  RFC 8460"""

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from mailstack.base.errors import ParseFault
from mailstack.message.compose import Mailbox, attachment, message, multipart, text_part

__all__ = ["Count", "Received", "Report", "compose_mail", "encode", "read_destinations", "read_report"]

UNPACKED_MAX = 512 << 10  # octets: it is read where sessions wait, and real reports have a few KiB
_TYPES = ("application/tlsrpt+gzip", "application/tlsrpt+json")


@dataclass(frozen=True, slots=True)
class Count:
    """So many sessions of one kind.  `failure` "" are those that went well."""

    policy: tuple[str, tuple[str, ...], tuple[str, ...]]  # type, strings, MX hosts
    host: str
    ip: str
    failure: str
    reason: str
    sessions: int


@dataclass(frozen=True, slots=True)
class Report:
    """What we saw with `domain` on `day` (UTC)."""

    id: str
    organization: str
    contact: str
    domain: str
    day: date
    counts: Sequence[Count]

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.day, time(), UTC)

    @property
    def ends(self) -> datetime:
        return self.begins + timedelta(days=1, seconds=-1)


def encode(report: Report) -> bytes:
    """The gzipped JSON.  RFC 8460 §4.4, §5.3"""
    text = json.dumps(_json(report), ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


def _json(report: Report) -> dict[str, Any]:
    by_policy: dict[Any, list[Count]] = {}
    for count in report.counts:
        by_policy.setdefault(count.policy, []).append(count)
    return {
        "organization-name": report.organization,
        "date-range": {"start-datetime": _stamp(report.begins), "end-datetime": _stamp(report.ends)},
        "contact-info": report.contact,
        "report-id": report.id,
        "policies": [_policy(report.domain, policy, counts) for policy, counts in by_policy.items()],
    }


def _policy(domain: str, policy: tuple[str, Sequence[str], Sequence[str]], counts: Sequence[Count]) -> dict[str, Any]:
    kind, strings, mx = policy
    said: dict[str, Any] = {"policy-type": kind, "policy-domain": domain}
    if strings:
        said["policy-string"] = list(strings)
    if mx:
        said["mx-host"] = list(mx)
    failed = [count for count in counts if count.failure]
    made: dict[str, Any] = {
        "policy": said,
        "summary": {
            "total-successful-session-count": sum(count.sessions for count in counts if not count.failure),
            "total-failure-session-count": sum(count.sessions for count in failed),
        },
    }
    if failed:
        made["failure-details"] = [_failure(count) for count in failed]
    return made


def _failure(count: Count) -> dict[str, Any]:
    details = {
        "result-type": count.failure,
        "receiving-mx-hostname": count.host,
        "receiving-ip": count.ip,
        "failed-session-count": count.sessions,
        "failure-reason-code": count.reason,
    }
    return {name: value for name, value in details.items() if value}


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def compose_mail(report: Report, to: str, now: datetime) -> bytes:
    """multipart/report; report-type=tlsrpt.  RFC 8460 §5.3"""
    begins, ends = int(report.begins.timestamp()), int(report.ends.timestamp())
    name = f"{report.organization}!{report.domain}!{begins}!{ends}!{report.id}.json.gz"
    text = (
        f"This is a report of {report.organization} on TLS with the mail servers of {report.domain}\n"
        f"on {report.day} (UTC), as RFC 8460 describes it.  A program will want the attached file.\n"
    )
    parts = [text_part(text), attachment(name, _TYPES[0], encode(report))]
    return message(
        sender=Mailbox(report.contact, "TLS reports"),
        to=[Mailbox(to)],
        subject=f"Report Domain: {report.domain} Submitter: {report.organization} Report-ID: <{report.id}>",
        moment=now,
        message_id=f"{report.id}@{report.organization}",
        content=multipart("report", parts, report.id, " report-type=tlsrpt;"),
        extra=[
            ("TLS-Report-Domain", report.domain),
            ("TLS-Report-Submitter", report.organization),
            ("TLS-Required", "No"),
            ("Auto-Submitted", "auto-generated"),
        ],
    )


# --- where to ---------------------------------------------------------------------------------------------

_MAILTO = re.compile(r"mailto:([^?@\s]+@[^?@\s]+)", re.IGNORECASE)


def read_destinations(texts: Iterable[bytes]) -> tuple[str, ...]:
    """URIs with the scheme mailto or https; () without a record, or with more than one.

    tlsrpt-record = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]      RFC 8460 §3
    """
    records = [text for text in texts if re.match(rb"v=TLSRPTv1[ \t]*;", text)]
    if len(records) != 1:
        return ()
    fields = [part.strip() for part in records[0].decode("ascii", "replace").split(";")]
    uris = next((part[4:].split(",") for part in fields if part.startswith("rua=")), [])
    known = (uri.strip() for uri in uris)
    return tuple(uri for uri in known if uri.lower().startswith("https://") or _MAILTO.match(uri))


def address_of(uri: str) -> str:
    """Of a mailto URI; "" for others."""
    found = _MAILTO.match(uri)
    return found[1] if found else ""


# --- what others send -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Received:
    """What another organization has seen with a domain of ours.  `failures` by result type."""

    organization: str
    report_id: str
    domain: str
    begins: str
    ends: str
    successes: int
    failures: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        return sum(self.failures.values())


def read_report(octets: bytes) -> tuple[Received, ...]:
    """The JSON, gzipped or not; one value a policy domain.  ParseFault."""
    try:
        found = json.loads(_unpacked(octets))
        dates = found["date-range"]
        heads = (_word(found["organization-name"]), _word(found["report-id"]))
        span = (_word(dates["start-datetime"]), _word(dates["end-datetime"]))
        received = [_received(heads, span, each) for each in found["policies"][:100]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise ParseFault(f"not a TLS report: {type(fault).__name__} {fault}") from fault
    return tuple(_joined(received))


def _unpacked(octets: bytes) -> bytes:
    if octets[:2] != b"\x1f\x8b":
        return octets[:UNPACKED_MAX]
    unpack = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpack.decompress(octets, UNPACKED_MAX)
    except zlib.error as fault:
        raise ParseFault(f"not gzip: {fault}") from fault
    if unpack.unconsumed_tail:
        raise ParseFault(f"a report of more than {UNPACKED_MAX} octets")
    return unpacked


def _received(heads: tuple[str, str], span: tuple[str, str], policy: Mapping[str, Any]) -> Received:
    summary = policy["summary"]
    failures: dict[str, int] = {}
    for each in policy.get("failure-details", [])[:1000]:
        kind = _word(each["result-type"])
        failures[kind] = failures.get(kind, 0) + _number(each.get("failed-session-count", 1))
    told = _number(summary["total-failure-session-count"])
    if told > sum(failures.values()):
        failures["unspecified"] = told - sum(failures.values())
    domain = _word(policy["policy"]["policy-domain"]).lower()
    return Received(*heads, domain, *span, _number(summary["total-successful-session-count"]), failures)


def _joined(received: Iterable[Received]) -> Iterable[Received]:
    """Policies of the same domain count together."""
    by_domain: dict[str, list[Received]] = {}
    for each in received:
        by_domain.setdefault(each.domain, []).append(each)
    for those in by_domain.values():
        failures: dict[str, int] = {}
        for each in those:
            for kind, count in each.failures.items():
                failures[kind] = failures.get(kind, 0) + count
        first = those[0]
        good = sum(each.successes for each in those)
        yield Received(first.organization, first.report_id, first.domain, first.begins, first.ends, good, failures)


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return "".join(c for c in value[:200] if c.isprintable())


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 53:
        raise TypeError("a count expected")
    return value
