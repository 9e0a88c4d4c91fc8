"""Couriers that choose or stand for other couriers."""

from collections.abc import Mapping, Sequence

from mailstack.queue.api import Courier, Delivered, Envelope, Failed, Outcome, Recipient, RemoteReply
from mailstack.relay.transports import Rule, first_fit
from mailstack.store.api import Content

__all__ = ["DiscardCourier", "RefusingCourier", "RoutingCourier"]


class RoutingCourier:
    """Each recipient by its own way: `rules` first, `otherwise` what no rule fits.  `couriers` is by route."""

    def __init__(self, rules: Sequence[Rule], couriers: Mapping[str, Courier], otherwise: Courier) -> None:
        self._rules, self._couriers, self._otherwise = rules, couriers, otherwise

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Mapping[Recipient, Outcome]:
        outcomes: dict[Recipient, Outcome] = {}
        for route, those in self._by_route(envelope.reverse_path, recipients).items():
            courier = self._otherwise if route is None else self._couriers[route]
            outcomes.update(await courier.deliver(envelope, those, content))
        return outcomes

    def _by_route(self, sender: str, recipients: Sequence[Recipient]) -> dict[str | None, list[Recipient]]:
        ways: dict[str | None, list[Recipient]] = {}
        for recipient in recipients:
            rule = first_fit(self._rules, sender, recipient.address)
            ways.setdefault(rule.route if rule else None, []).append(recipient)
        return ways


class DiscardCourier:
    """Takes everything and throws it away, as the operator has asked."""

    async def deliver(
        self,
        envelope: Envelope,  # noqa: ARG002  Courier's
        recipients: Sequence[Recipient],
        content: Content,  # noqa: ARG002
    ) -> Mapping[Recipient, Outcome]:
        reply = RemoteReply("", 250, "2.0.0", "discarded, as relay.transports says", "")
        return dict.fromkeys(recipients, Delivered(reply))


class RefusingCourier:
    """Fails everything with the operator's words."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def deliver(
        self,
        envelope: Envelope,  # noqa: ARG002  Courier's
        recipients: Sequence[Recipient],
        content: Content,  # noqa: ARG002
    ) -> Mapping[Recipient, Outcome]:
        return dict.fromkeys(recipients, Failed(RemoteReply("", 0, "5.7.1", self._text)))
