"""A value that does not print: passwords, keys, tokens."""

from typing import final

__all__ = ["Secret"]


@final
class Secret:
    """Octets or text that must not reach a log, a traceback or an argument list.  `reveal()` is easy to grep for."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        """Equality for tests and configuration diffs; never for checking a password (that takes constant time)."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is not pickled")
