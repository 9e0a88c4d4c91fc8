"""LMTP: mail from another server's queue into the mailboxes here, an answer for each recipient.  RFC 2033

Not an extension of SMTP but its sibling: LHLO in place of HELO and EHLO, and behind
the data one reply for each recipient that was taken, in order.  All else is the
same machine; `Terms.lmtp` says which of the two is spoken.
"""

from collections.abc import Mapping

from mailstack.smtp.grammar import Verb

__all__ = ["lmtp_verbs"]


def lmtp_verbs(verbs: Mapping[str, Verb]) -> dict[str, Verb]:
    """LHLO is EHLO by another name; HELO and EHLO are unknown: RFC 2033 §4.1"""
    hello = verbs["EHLO"]
    others = {name: verb for name, verb in verbs.items() if name not in {"HELO", "EHLO"}}
    return others | {"LHLO": Verb("LHLO", hello.parse, hello.states)}
