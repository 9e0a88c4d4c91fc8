"""Which way out a recipient's mail takes: the first rule that fits.  Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Rule", "first_fit", "fits", "lane_name"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`to` and `sender` are patterns (see `fits`); `route` names a courier, `shared` when one server takes it all."""

    to: str
    sender: str
    route: str
    shared: bool = False

    @property
    def by_domain_alone(self) -> bool:
        return self.sender == "*" and ("@" not in self.to or self.to.startswith("@"))


def fits(pattern: str, address: str) -> bool:
    """Whether a pattern covers an address, without regard to case.

    `example.org` or `@example.org`: that domain.  `.example.org`: every domain below it.
    `me@example.org`: that address.  `*` in any of these stands for anything, alone for
    everybody.  `<>`: the null sender, which nothing else but `*` covers.
    """
    if pattern == "*":
        return True
    if not address or pattern == "<>":
        return not address and pattern == "<>"
    return _compiled(pattern.lower()).fullmatch(address.lower()) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    if "@" not in pattern:
        pattern = "*@*" + pattern if pattern.startswith(".") else "*@" + pattern
    elif pattern.startswith("@"):
        pattern = "*" + pattern
    return re.compile(".*".join(re.escape(piece) for piece in pattern.split("*")), re.DOTALL)


def first_fit(rules: Sequence[Rule], sender: str, recipient: str) -> Rule | None:
    for rule in rules:
        if fits(rule.to, recipient) and fits(rule.sender, sender):
            return rule
    return None


def lane_name(rules: Sequence[Rule], domain: str, otherwise: str) -> str:
    """What limits count by for a domain: the server that takes all of its mail, else `otherwise`.

    Rules about senders or single addresses are left out: they take their part from the domain's lane.
    """
    for rule in rules:
        if rule.by_domain_alone and fits(rule.to, f"x@{domain}"):
            return f"by {rule.route}" if rule.shared else domain.lower()
    return otherwise
