"""Choosing recipients in the queue: the options that all commands of `mailstack queue` share; page by page."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from mailstack.cli.reach import ask
from mailstack.config.faults import Unfit
from mailstack.config.units import read_duration

__all__ = ["WHICH", "changed", "choosing", "chosen_rows"]

F = TypeVar("F", bound=Callable[..., Any])
WHICH = "WHICH is a message's id, a recipient's address, a domain, or `all`."


class _Age(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return read_duration(value).total_seconds()
        except Unfit as fault:
            self.fail(str(fault), param, ctx)


_OPTIONS = (
    click.argument("which", required=False, default=""),
    click.option("--domain", help="Recipients in that domain; * stands for anything."),
    click.option("--sender", help="Mail from that address, that domain, or <> for reports; * stands for anything."),
    click.option("--recipient", help="Mail to that address; * stands for anything."),
    click.option("--age", "older_than", type=_Age(), help="Mail that has waited for longer: 4h, 2d."),
    click.option("--reason", help="Where the last try heard that: a code, a host, or some words."),
    click.option("--state", type=click.Choice(["new", "deferred", "held", "sending"]), help="Only what waits so."),
)


def choosing(command: F) -> F:
    """The command gets the argument `choice`: a dict as `control.commands` wants it."""

    keeps_which = command.__name__ == "change"

    def chosen(*args: Any, which: str, **options: Any) -> Any:
        names = ("domain", "sender", "recipient", "older_than", "reason", "state")
        given = {name: value for name in names if (value := options.pop(name)) is not None}
        if which not in {"", "all"}:
            given["which"] = which
        if keeps_which:
            options["which"] = which
        return command(*args, choice=given, **options)

    made: Any = chosen
    made.__name__, made.__doc__ = command.__name__, command.__doc__
    made.__click_params__ = getattr(command, "__click_params__", [])
    for option in reversed(_OPTIONS):
        made = option(made)
    return made  # type: ignore[no-any-return]


def chosen_rows(ctx: click.Context, choice: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    """Up to `limit` rows (0: all), in the order of arrival, fetched as they are read."""
    after: int | None = 0
    while after is not None:
        page = ask(ctx, "queue list", choice=choice, after=after, limit=min(limit or 1000, 1000))
        after = page["after"]
        for row in page["rows"]:
            yield row
            limit -= 1
            if limit == 0:
                return


def changed(ctx: click.Context, command: str, choice: dict[str, Any]) -> int:
    """Do it page by page; to how many recipients."""
    count = 0
    after: int | None = 0
    while after is not None:
        done = ask(ctx, command, choice=choice, after=after)
        count, after = count + done["count"], done["after"]
    return count
