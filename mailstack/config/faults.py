"""What is wrong with a configuration, as values."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ConfigError", "Fault", "Unfit"]


class Unfit(ValueError):
    """A value does not fit its setting.  `str()`: what is wrong, what is allowed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend.  `key` is dotted (`listeners.smtp.address`), or `line:column` for a syntax error."""

    key: str
    text: str

    def line(self, file: str) -> str:
        return f"{file}:{self.key}: {self.text}"


class ConfigError(Exception):
    """The configuration is refused.  `str()` has one line for every fault."""

    def __init__(self, file: str, faults: Iterable[Fault]) -> None:
        self.file = file
        self.faults = tuple(faults)
        super().__init__("\n".join(fault.line(file) for fault in self.faults))
