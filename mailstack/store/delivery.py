"""The job of one delivered message.  Neighbours in a batch are done as one: that halves what a message costs."""

from collections.abc import Callable, Sequence
from typing import Any

from mailstack.store import filing
from mailstack.store.batches import Job
from mailstack.store.effects import Effect
from mailstack.store.txn import Site, StoreJob
from mailstack.store.values import Filed, Staged

__all__ = ["Delivery"]


class Delivery(StoreJob[list[Filed]]):
    """`recipients` are (account, mailbox)."""

    def __init__(
        self,
        site: Site,
        apply: Callable[[Effect], None],
        staged: Staged,
        recipients: Sequence[tuple[str, str]],
        *,
        keeps_to_quotas: bool = True,
    ) -> None:
        super().__init__(site, lambda txn: filing.deliver(txn, [self.what])[0], apply, None)
        self.what = staged, recipients, keeps_to_quotas
        self.place = site, apply

    @staticmethod
    def join(jobs: Sequence[Job[Any]]) -> Job[Any]:
        deliveries = [job for job in jobs if isinstance(job, Delivery)]
        site, apply = deliveries[0].place
        what = [each.what for each in deliveries]

        def work(txn: Any) -> list[list[Filed]]:
            return filing.deliver(txn, what)

        return StoreJob(site, work, apply, None)
