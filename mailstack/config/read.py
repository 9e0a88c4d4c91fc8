"""From what TOML gave to the model's values: every fault is kept, none stops the reading."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from mailstack.config.faults import Fault, Unfit
from mailstack.config.listeners import STANDARD_LISTENERS, Listener
from mailstack.config.model import Certificate, Config, Relay, Tls
from mailstack.config.setting import Section, Setting, sections, settings
from mailstack.config.transports import Transport

__all__ = ["read_config"]

S = TypeVar("S", bound=Section)
Table = Mapping[str, object]

_MISSING = object()
_LISTS: Mapping[type[Section], tuple[str, type[Section]]] = {
    Tls: ("extra", Certificate),
    Relay: ("transports", Transport),
}


def read_config(table: Table) -> tuple[Config, tuple[Fault, ...]]:
    """The model and every fault; what was at fault holds a stand-in, so that the rest can still be compared."""
    reader = _Reader()
    config = reader.section(Config, table, "", inside=("listeners",), listeners=reader.listeners(table))
    return config, tuple(reader.faults)


class _Reader:
    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, key: str, text: str) -> None:
        self.faults.append(Fault(key, text))

    def section(
        self, kind: type[S], table: object, key: str, *, base: S | None = None, inside: Iterable[str] = (), **given: Any
    ) -> S:
        """One table.  What it does not say comes from `base`, else from the defaults.

        `inside` are keys that the caller has read itself, `given` their values.
        """
        if not isinstance(table, Mapping):
            self.fault(key, f"{table!r} is not a table; allowed: [{key}] and keys below it")
            table = {}
        values: dict[str, Any] = {
            known.name: self._value(known, table.get(known.name, _MISSING), _dotted(key, known.name), base)
            for known in settings(kind)
        }
        for name, inner in sections(kind):
            values[name] = self._inner(inner, table.get(name, {}), _dotted(key, name))
        self._unknown(table, [*values, *inside], key)
        return kind(**values, **given)

    def _inner(self, kind: type[Section], table: object, key: str) -> Section:
        if kind not in _LISTS:
            return self.section(kind, table, key)
        name, element = _LISTS[kind]
        tables = table.get(name, []) if isinstance(table, Mapping) else []
        given: Any = {name: self.tables(element, tables, _dotted(key, name))}
        made: Section = self.section(kind, table, key, inside=(name,), **given)
        return made

    def _value(self, setting: Setting, value: object, key: str, base: Section | None) -> Any:
        if base is not None:
            fallback = getattr(base, setting.name)
        else:
            fallback = setting.example if setting.required else setting.default
        if value is _MISSING:
            if setting.required and base is None:
                self.fault(key, f"is missing; {_first_sentence(setting.doc)}")
            return fallback
        try:
            return setting.kind.read(value)
        except Unfit as unfit:
            self.fault(key, str(unfit))
            return fallback

    def _unknown(self, table: Table, known: list[str], key: str) -> None:
        for name in table:
            if name not in known:
                self.fault(_dotted(key, name), f"unknown key; {_allowed(name, known)}")

    def listeners(self, table: Table) -> tuple[Listener, ...]:
        """`[listeners.NAME]`: the standard ones changed by what is written, then those of other names."""
        written = table.get("listeners", {})
        if not isinstance(written, Mapping):
            self.fault("listeners", f"{written!r} is not a table; allowed: [listeners.NAME] tables")
            written = {}
        standard = {listener.name: listener for listener in STANDARD_LISTENERS}
        made = [
            self.section(Listener, written.get(name, {}), f"listeners.{name}", base=base, name=name)
            for name, base in standard.items()
        ]
        own = [self._own_listener(name, written[name], list(standard)) for name in written if name not in standard]
        return (*made, *(listener for listener in own if listener is not None))

    def _own_listener(self, name: str, table: object, standard: list[str]) -> Listener | None:
        key = f"listeners.{name}"
        near = get_close_matches(name, standard, 1, 0.7)
        if near and isinstance(table, Mapping) and not {"protocol", "address", "tls"} <= set(table):
            self.fault(key, f'unknown listener; did you mean "{near[0]}"? One of your own needs protocol, address, tls')
            return None
        return self.section(Listener, table, key, name=name)

    def tables(self, kind: type[S], tables: object, key: str) -> tuple[S, ...]:
        """`[[tls.extra]]` and its like, numbered from 1 in faults."""
        if not isinstance(tables, list):
            self.fault(key, f"{tables!r} is not a list of tables; allowed: [[{key}]] tables")
            return ()
        return tuple(self.section(kind, table, f"{key}[{n}]") for n, table in enumerate(tables, 1))


def _dotted(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _first_sentence(doc: str) -> str:
    sentence = doc.partition(". ")[0].partition(".  ")[0].rstrip(".")
    return f"allowed: {sentence[0].lower()}{sentence[1:]}"


def _allowed(name: str, known: list[str]) -> str:
    near = get_close_matches(name.lower(), known, 1, 0.6)
    return f'did you mean "{near[0]}"?' if near else f"allowed here: {', '.join(sorted(known))}"
