"""Domains as the DNS has them.  RFC 8616 §5: A-labels in `d=` and in the names of key records."""

from collections.abc import Iterator

import idna

__all__ = ["a_labels", "with_parents"]


def a_labels(domain: str) -> str:
    """In lower case; "" for what is no domain."""
    text = domain.rstrip(".").lower()
    if text.isascii():
        return text
    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""


def with_parents(domain: str) -> Iterator[str]:
    """`a.b.example`, `b.example`: what a signature may be of for DMARC's relaxed alignment, the nearest first."""
    labels = domain.split(".")
    for number in range(len(labels) - 1):
        yield ".".join(labels[number:])
