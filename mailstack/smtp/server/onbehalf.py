"""A connection on behalf of somebody else (XCLIENT): the same wire, with another peer."""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Generic, TypeVar

from mailstack.base.engine import Peer, Wire

__all__ = ["OnBehalf"]

ResponseT = TypeVar("ResponseT")


class OnBehalf(Generic[ResponseT]):
    """Implements `base.engine.Wire`.  What TLS there is stays the proxy's; places and limits of sockets do too."""

    def __init__(self, wire: Wire[ResponseT], attributes: Mapping[str, str]) -> None:
        self._wire, self._attributes = wire, attributes

    @property
    def peer(self) -> Peer:
        peer, said = self._wire.peer, self._attributes
        return replace(
            peer,
            ip=said.get("ADDR") or peer.ip,
            port=int(said.get("PORT") or 0) if "ADDR" in said or "PORT" in said else peer.port,
            local_ip=said.get("DESTADDR") or peer.local_ip,
            local_port=int(said.get("DESTPORT") or peer.local_port),
        )

    @property
    def cid(self) -> str:
        return self._wire.cid

    def channel_binding(self, kind: str) -> bytes | None:
        return self._wire.channel_binding(kind)

    def settled(self) -> None:
        self._wire.settled()

    def send(self, response: ResponseT) -> None:
        self._wire.send(response)

    def flush(self) -> None:
        self._wire.flush()

    def room(self) -> Awaitable[None]:
        return self._wire.room()

    @property
    def unread(self) -> int:
        return self._wire.unread

    def close(self) -> None:
        self._wire.close()
