"""How a setting is declared: a dataclass field that knows its kind, its meaning and when it takes effect."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, TypeVar, get_type_hints

from mailstack.config.kinds import Kind

__all__ = ["Section", "Setting", "required", "sections", "setting", "settings"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the file.

    `doc` says what it does, with its unit; `why` when one would change it.  `live`:
    a reload brings it into effect, otherwise it takes a restart.  `example` is
    what the sample file shows for a key without a default.
    """

    name: str
    kind: Kind[Any]
    doc: str
    why: str
    live: bool
    required: bool
    default: Any
    example: Any


class Section:
    """A table of the file: a frozen dataclass of settings and further sections.  `doc` heads it in the sample."""

    __slots__ = ()
    doc: ClassVar[str] = ""


def setting(kind: Kind[T], default: T, doc: str, *, why: str, live: bool = False, example: Any = None) -> T:
    """A key that may be left out.  An `example` is shown in the sample in place of the default."""
    made: Any = field(
        default=default, metadata={"kind": kind, "doc": doc, "why": why, "live": live, "example": example}
    )
    return made  # type: ignore[no-any-return]  # dataclass sees the Field, mypy the value that the instance has


def required(kind: Kind[T], doc: str, *, example: T, why: str, live: bool = False) -> T:
    """A key that must be given."""
    made: Any = field(metadata={"kind": kind, "doc": doc, "why": why, "live": live, "example": example})
    return made  # type: ignore[no-any-return]  # as above


def settings(section: type[Section]) -> Iterator[Setting]:
    """The keys of a section, in the order they are declared in."""
    for declared in fields(section):  # type: ignore[arg-type]  # every section is a dataclass
        if "kind" in declared.metadata:
            yield _setting(declared)


def _setting(declared: Field[Any]) -> Setting:
    meta = declared.metadata
    must = declared.default is MISSING
    default = None if must else declared.default
    example = default if meta["example"] is None else meta["example"]
    return Setting(declared.name, meta["kind"], meta["doc"], meta["why"], meta["live"], must, default, example)


def sections(section: type[Section]) -> Iterator[tuple[str, type[Section]]]:
    """The sections directly inside `section`: (name, class).  Tables of free names and lists are not among them."""
    hints = get_type_hints(section)
    for declared in fields(section):  # type: ignore[arg-type]  # as above
        hint = hints[declared.name]
        if isinstance(hint, type) and issubclass(hint, Section):
            yield declared.name, hint
