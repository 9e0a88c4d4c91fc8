"""Trace lines: what each server writes on top of a message that passes.  RFC 5321 §4.4

All functions give whole fields with CRLF.  What a client has said (its HELO) is
made harmless here once more, because a line end in it would be a forged header.
"""

import re
from datetime import datetime

from mailstack.message.date import format_date
from mailstack.message.header import header_end, scan

__all__ = ["address_literal", "count_received", "delivered_to", "delivered_to_all", "received", "return_path"]

_LINE = 78  # octets without CRLF, RFC 5322 §2.1.1
_TAB = 8  # how wide programs show it
_RECEIVED = re.compile(rb"(?mi)^received[ \t]*:")
_NOT_HOST = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_NOT_WORD = re.compile(r"[^!-'*-\[\]-~]")  # printable ASCII without parentheses and backslash
_NOT_PATH = re.compile(r"[\x00-\x1f\x7f]")


def received(
    *,
    helo: str,
    client_ip: str,
    by: str,
    protocol: str,
    mid: str,
    moment: datetime,
    client_name: str = "",
    recipient: str = "",
    tls: str = "",
    priority: int = 0,
) -> bytes:
    """The Received field: Time-stamp-line of RFC 5321 §4.4, the TLS version and cipher as a comment.

    `recipient` only when there is just one: two would tell each of the other (RFC 5321 §7.6).
    `client_name` is the confirmed reverse name, `client_ip` "" hides where an author sits.
    """
    clauses = [f"from {_NOT_HOST.sub('?', helo)[:255] or 'unknown'}"]
    if client_ip:
        name = f"{_NOT_HOST.sub('?', client_name)} " if client_name else ""
        clauses.append(f"({name}{address_literal(client_ip)})")
    clauses += [f"by {by}", f"with {protocol}"]
    if tls:
        clauses.append(f"({_NOT_WORD.sub(' ', tls)})")
    clauses.append(f"id {mid}")
    if recipient:
        clauses.append(f"for <{_NOT_PATH.sub('?', recipient)}>")
    if priority:
        clauses.append(f"PRIORITY {priority}")  # RFC 6710 §7
    clauses[-1] += ";"
    clauses.append(format_date(moment))
    return _folded("Received:", clauses)


def return_path(reverse_path: str) -> bytes:
    """The one field that says where reports go, written at final delivery.  RFC 5321 §4.4"""
    return f"Return-Path: <{_NOT_PATH.sub('?', reverse_path)}>\r\n".encode()


def delivered_to(address: str) -> bytes:
    """Marks a message that has passed this mailbox or alias, so that a second passing is seen.  RFC 9228"""
    return f"Delivered-To: {_NOT_PATH.sub('?', address)}\r\n".encode()


def delivered_to_all(head: bytes) -> frozenset[str]:
    """Every address that a Delivered-To of the message names, lower case."""
    return frozenset(value.decode("utf-8", "replace").lower() for value in scan(head).all(b"delivered-to"))


def count_received(head: bytes) -> int:
    """How many servers have handled the message: for the loop limit of RFC 5321 §6.3."""
    end = header_end(head)
    return sum(1 for _ in _RECEIVED.finditer(head, 0, end))


def address_literal(ip: str) -> str:
    """`[192.0.2.1]`, `[IPv6:2001:db8::1]`  RFC 5321 §4.1.3"""
    return f"[IPv6:{ip}]" if ":" in ip else f"[{ip}]"


def _folded(name: str, clauses: list[str]) -> bytes:
    """The clauses in as few lines as fit; each line but the first begins with a TAB."""
    text, width = name, len(name)
    for clause in clauses:
        if width + 1 + len(clause) > _LINE and text != name:
            text += f"\r\n\t{clause}"
            width = _TAB + len(clause)
        else:
            text += f" {clause}"
            width += 1 + len(clause)
    return f"{text}\r\n".encode()
