"""What can be asked: each command is an async function of its arguments, and its result is plain JSON.

`Commands` is a table; the daemon joins the tables below with its own (`status`, `reload`),
the command line runs them on the files when no daemon does.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from mailstack.accounts.names import address_of_account, canonical_domain, parse_address, parse_domain
from mailstack.accounts.passwords import Credential
from mailstack.accounts.store import AccountStore
from mailstack.base.errors import Condition, MailError
from mailstack.base.secret import Secret
from mailstack.queue.api import Choice, MailQueue, QueuedRecipient, QueueState
from mailstack.store.api import CheckedStore, KeepingStore, MailStore

__all__ = ["Command", "Commands", "account_commands", "queue_commands", "run", "store_commands", "wipe_mail"]

Command = Callable[..., Awaitable[Any]]
Commands = Mapping[str, Command]
MakeCredential = Callable[[Secret], Awaitable[Credential]]
ExpectStrong = Callable[[Secret, Sequence[str]], None]
OpenMail = Callable[[], "WipedStore"]


class WipedStore(MailStore, KeepingStore, Protocol):
    """What it takes to remove an account's mail for good."""


async def run(commands: Commands, name: str, arguments: Mapping[str, Any]) -> Any:
    """MailError(NOT_SUPPORTED) for a command or arguments that are not known, and whatever the command raises."""
    command = commands.get(name)
    if command is None:
        raise MailError(Condition.NOT_SUPPORTED, f"the running server does not know the command {name!r}; restart it")
    try:
        asked = command(**arguments)
    except TypeError:
        raise MailError(Condition.NOT_SUPPORTED, f"wrong arguments for {name!r}: {', '.join(arguments)}") from None
    return await asked


def account_commands(
    people: AccountStore,
    make_credential: MakeCredential,
    mail: OpenMail,
    expect_strong: ExpectStrong = lambda _password, _words: None,
) -> Commands:
    """Domains, accounts, aliases.  `mail` is called only when mail is to be deleted.

    `expect_strong`, of a password and the person's own words: MailError when it is too weak.
    """
    return {
        **_domain_commands(people),
        **_account_commands(people, make_credential, mail, expect_strong),
        **_alias_commands(people),
    }


def _domain_commands(people: AccountStore) -> Commands:
    async def add(name: str) -> str:
        domain = parse_domain(name)
        people.add_domain(domain)
        return domain

    async def show() -> list[dict[str, Any]]:
        members = [account.name.rpartition("@")[2] for account in people.accounts()]
        aliases = [alias.address.rpartition("@")[2] for alias in people.aliases()]
        return [
            {"name": name, "accounts": members.count(name), "aliases": aliases.count(name)} for name in people.domains()
        ]

    async def remove(name: str) -> str:
        domain = canonical_domain(name.strip())
        people.remove_domain(domain)
        return domain

    return {"domain add": add, "domain list": show, "domain remove": remove}


def _account_commands(
    people: AccountStore, make_credential: MakeCredential, mail: OpenMail, expect_strong: ExpectStrong
) -> Commands:
    async def add(name: str, password: Secret, addresses: Sequence[str] = ()) -> str:
        account = address_of_account(name)
        expect_strong(password, [account, *addresses])
        people.add_account(account, await make_credential(password), [parse_address(more) for more in addresses])
        return account

    async def show() -> list[dict[str, Any]]:
        return [
            {
                "name": account.name,
                "addresses": list(account.addresses),
                "added": _moment(account.added),
                "password_changed": _moment(account.password_changed),
                "enabled": account.rights.enabled,
                "may_send": account.rights.may_send,
                "may_receive": account.rights.may_receive,
            }
            for account in people.accounts()
        ]

    async def passwd(name: str, password: Secret) -> str:
        account = parse_address(name)
        _expect_account(people, account)  # before the work of hashing
        expect_strong(password, [account])
        people.set_credential(account, await make_credential(password))
        return account

    async def remove(name: str, *, delete_mail: bool = False) -> dict[str, Any]:
        account = parse_address(name)
        _expect_account(people, account)
        messages = await wipe_mail(mail(), account) if delete_mail else 0
        return {"name": account, "aliases_gone": list(people.remove_account(account)), "messages_deleted": messages}

    return {"account add": add, "account list": show, "account passwd": passwd, "account remove": remove}


def _alias_commands(people: AccountStore) -> Commands:
    async def add(name: str, targets: Sequence[str]) -> dict[str, Any]:
        alias, members = _alias_name(name), [parse_address(target) for target in targets]
        people.add_alias(alias, members)
        return {"name": alias, "targets": list(people.picture().aliases.get(alias, ()))}

    async def show() -> list[dict[str, Any]]:
        return [{"name": alias.address, "targets": list(alias.targets)} for alias in people.aliases()]

    async def remove(name: str, targets: Sequence[str] = ()) -> str:
        alias = _alias_name(name)
        people.remove_alias(alias, [parse_address(target) for target in targets])
        return alias

    return {"alias add": add, "alias list": show, "alias remove": remove}


def _alias_name(name: str) -> str:
    """An address, or `@domain` for everything in the domain that is nobody's."""
    return f"@{parse_domain(name[1:])}" if name.startswith("@") else parse_address(name)


def _expect_account(people: AccountStore, name: str) -> None:
    if people.credential(name) is None:
        raise MailError(Condition.NO_SUCH_USER, f"there is no account {name}; see: mailstack account list")


async def wipe_mail(store: WipedStore, account: str) -> int:
    """Expunge every message for good and delete the account's own folders; how many messages there were.

    INBOX and the special-use folders stay, empty, for an account that is made anew.
    """
    mail, messages = await store.account(account), 0
    for folder in reversed(mail.folders()):  # children before parents
        mailbox = await mail.open(folder.name)
        try:
            messages += len(await mailbox.expunge(tuple(mailbox.columns.uids), for_good=True))
        finally:
            mailbox.release()
        if folder.special_use is None and folder.name.upper() != "INBOX":
            await mail.delete(folder.name, for_good=True)
    await store.forget_kept(account)
    return messages


def store_commands(mail: Callable[[], CheckedStore]) -> Commands:
    async def names() -> list[str]:
        return list(mail().accounts())

    async def check(name: str, *, repair: bool = False) -> dict[str, Any]:
        checked = await mail().check(parse_address(name), repair=repair)
        findings = [{"mailbox": mailbox, "what": what} for mailbox, what in checked.findings]
        return {**asdict(checked), "findings": findings}

    async def on_disk() -> list[str]:
        return list(await mail().accounts_on_disk())

    async def rebuild(name: str) -> int:
        return await mail().rebuild(parse_address(name))

    return {"store accounts": names, "store check": check, "store on-disk": on_disk, "store rebuild": rebuild}


_SHOWN_MAX = 1 << 20  # octets of a message


def queue_commands(queue: MailQueue) -> Commands:
    """Each does one page; its result has `after`, with which to go on, or null."""

    async def show(choice: Mapping[str, Any], after: int = 0, limit: int = 1000) -> dict[str, Any]:
        rows, after_that = queue.list(_choice(choice), after, limit)
        return {"rows": [_queued(row) for row in rows], "after": after_that}

    async def why(choice: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {**_queued(row), "heard": [{"at": _exact(each.at), **asdict(each.reply)} for each in heard]}
            for row, heard in queue.tries(_choice(choice))
        ]

    async def one(message_id: str, whole: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002  by name, from JSON
        try:
            octets, size = queue.text(message_id, _SHOWN_MAX)
        except (FileNotFoundError, ValueError):
            raise MailError(Condition.NO_SUCH_MESSAGE, f"no message {message_id} waits") from None
        header, _, _ = octets.partition(b"\r\n\r\n")
        shown = octets if whole else header + b"\r\n"
        return {"text": shown.decode("utf-8", "replace"), "size": size, "cut": whole and size > len(octets)}

    return {
        "queue list": show,
        "queue show": one,
        "queue why": why,
        "queue retry": _in_pages(queue.retry),
        "queue hold": _in_pages(queue.hold),
        "queue release": _in_pages(queue.release),
        "queue drop": _in_pages(queue.drop),
    }


def _in_pages(work: Callable[[Choice, int], Awaitable[tuple[int, int | None]]]) -> Command:
    async def command(choice: Mapping[str, Any], after: int = 0) -> dict[str, Any]:
        count, after_that = await work(_choice(choice), after)
        return {"count": count, "after": after_that}

    return command


def _choice(given: Mapping[str, Any]) -> Choice:
    """MailError(NOT_SUPPORTED) for what this version does not know: it must not choose more than was meant."""
    fields = dict(given)
    state, seconds = fields.pop("state", None), fields.pop("older_than", 0)
    try:
        return Choice(
            **fields, state=QueueState(state) if state else None, older_than=timedelta(seconds=float(seconds))
        )
    except (TypeError, ValueError) as fault:
        raise MailError(Condition.NOT_SUPPORTED, f"the running server does not know this choice: {fault}") from None


def _queued(row: QueuedRecipient) -> dict[str, Any]:
    return {
        "id": row.message_id,
        "sender": row.reverse_path,
        "recipient": row.address,
        "arrived": _exact(row.arrived),
        "size": row.size,
        "state": row.state.value,
        "tries": row.tries,
        "next_try": None if row.next_try is None else _exact(row.next_try),
        "last_reply": None if row.last_reply is None else asdict(row.last_reply),
    }


def _exact(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
