"""Whether an account has room for more.  The writer's thread: what is counted is exact, whatever else comes in."""

from mailstack.base.errors import Condition, MailError
from mailstack.store.foldering import Home
from mailstack.store.index import usage
from mailstack.store.txn import Txn
from mailstack.store.values import NO_QUOTA, Quota, Usage

__all__ = ["expect_room", "refusal"]


def expect_room(txn: Txn, home: Home, messages: int, octets: int) -> None:
    """For so much more.  MailError(OVER_QUOTA | OVER_QUOTA_NOW)"""
    quota = txn.site.quotas.get(home.name, NO_QUOTA)
    if quota.is_none:
        return
    used = usage.of(txn.db, home.id)
    if not quota.has_room(used, messages, octets):
        raise refusal(home.name, quota, used)


def refusal(account: str, quota: Quota, used: Usage) -> MailError:
    condition = Condition.OVER_QUOTA_NOW if quota.waits else Condition.OVER_QUOTA
    detail = f"{account}: {used.octets} of {quota.octets} octets, {used.messages} of {quota.messages} messages"
    return MailError(condition, "Mailbox is full", detail=detail)
