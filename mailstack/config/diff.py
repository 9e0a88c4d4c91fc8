"""What a reload changes: the keys that differ, and which of them need a restart."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mailstack.config.model import Config
from mailstack.config.setting import Section, sections, settings

__all__ = ["Changed", "diff", "in_force"]


SectionT = TypeVar("SectionT", bound=Section)


@dataclass(frozen=True, slots=True)
class Changed:
    """One key with another value; both as TOML.  "" where the table is not there.  `live`: no restart needed."""

    key: str
    old: str
    new: str
    live: bool

    def __str__(self) -> str:
        return f"{self.key}: {self.old or 'not there'} → {self.new or 'not there'}" + (
            "" if self.live else " (needs a restart)"
        )


def diff(old: Config, new: Config) -> tuple[Changed, ...]:
    """In the order of the file."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    keys = [*after, *(key for key in before if key not in after)]
    return tuple(_changed(key, before, after) for key in keys if before.get(key) != after.get(key))


def in_force(old: Config, new: Config) -> Config:
    """What holds after a reload: the new values of live settings, the old ones of all others."""
    by_name = {listener.name: listener for listener in new.listeners}
    listeners = tuple(_merged(listener, by_name.get(listener.name, listener)) for listener in old.listeners)
    extra = new.tls.extra
    merged = _merged(old, new)
    relay = replace(merged.relay, transports=old.relay.transports)
    return replace(merged, listeners=listeners, tls=replace(merged.tls, extra=extra), relay=relay)


def _merged(old: SectionT, new: SectionT) -> SectionT:
    kept = {known.name: getattr(old, known.name) for known in settings(type(old)) if not known.live}
    inner = {name: _merged(getattr(old, name), getattr(new, name)) for name, _ in sections(type(old))}
    merged: Any = replace(new, **kept, **inner)  # type: ignore[type-var]  # every section is a dataclass
    return merged  # type: ignore[no-any-return]


Leaf = tuple[str, bool]  # as TOML, live


def _changed(key: str, before: dict[str, Leaf], after: dict[str, Leaf]) -> Changed:
    old, new = before.get(key), after.get(key)
    live = (old or new or ("", False))[1] and not (key.startswith("listeners.") and (old is None or new is None))
    return Changed(key, old[0] if old else "", new[0] if new else "", live)


def _leaves(config: Config) -> Iterator[tuple[str, Leaf]]:
    yield from _section(config, "")
    for listener in config.listeners:
        yield from _section(listener, f"listeners.{listener.name}.")
    for number, certificate in enumerate(config.tls.extra, 1):
        yield from _section(certificate, f"tls.extra[{number}].")
    for number, transport in enumerate(config.relay.transports, 1):
        yield from _section(transport, f"relay.transports[{number}].")


def _section(section: Section, prefix: str) -> Iterator[tuple[str, Leaf]]:
    for known in settings(type(section)):
        yield prefix + known.name, (known.kind.write(getattr(section, known.name)), known.live)
    for name, _ in sections(type(section)):
        yield from _section(getattr(section, name), f"{prefix}{name}.")
