"""Puts DKIM signatures on what leaves; what is signed, and why here, `mailstack.dkim` says."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from mailstack.base.aside import Aside
from mailstack.base.events import Event, log
from mailstack.dkim.canon import body_hash
from mailstack.dkim.names import a_labels, with_parents
from mailstack.dkim.signature import SigningKey, signature
from mailstack.message.address import mailboxes
from mailstack.message.header import Header, scan
from mailstack.queue.api import Courier, Envelope, Outcome, Recipient
from mailstack.store.api import Content

__all__ = ["Signed", "Signer", "SigningCourier", "signing_domain"]

Keys = Mapping[str, Sequence[SigningKey]]
Again = Callable[[Content], Awaitable[bytes]]

_HEADER_OCTETS = 1 << 20  # a header beyond that is nobody's mail
_CHUNK = 256 << 10
_ASIDE_OCTETS = 256 << 10  # from here on the body is hashed in a thread: about a millisecond on the reactor
_REMEMBERED, _REMEMBERED_SECONDS = 512, 3600.0  # signatures of the last messages, each for so long


class Signed:
    """A message with signatures above it (`store.api.Content`).

    `bare` is the message itself; closing it is the business of whoever made it, unless this `owns` it.
    """

    __slots__ = ("_again", "_lines", "_owns", "bare", "size")

    def __init__(self, lines: bytes, bare: Content, again: Again, *, owns: bool = False) -> None:
        self._lines, self._again, self._owns = lines, again, owns
        self.bare = bare
        self.size = len(lines) + bare.size

    def read(self, offset: int, length: int) -> bytes:
        above = len(self._lines)
        if offset >= above:
            return self.bare.read(offset - above, length)
        head = self._lines[offset : offset + length]
        missing = length - len(head)
        return head + self.bare.read(0, missing) if missing else head

    def close(self) -> None:
        if self._owns:
            self.bare.close()

    async def over(self, converted: Content) -> "Signed":
        """The same message, converted on its way, with signatures of what it is now.  RFC 6376 §5.3

        It closes `converted`.
        """
        return Signed(await self._again(converted), converted, self._again, owns=True)


class Signer:
    """Makes the fields.  `now` gives UNIX seconds; `aside(work)` runs it in a thread."""

    def __init__(self, keys: Keys, now: Callable[[], float], aside: Aside) -> None:
        """`keys` by domain (A-labels); it may be replaced while it runs."""
        self._keys, self._now, self._aside = keys, now, aside
        self._remembered: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    @property
    def keys(self) -> Keys:
        return self._keys

    @keys.setter
    def keys(self, keys: Keys) -> None:
        self._keys = keys
        self._remembered.clear()

    async def signed(self, envelope: Envelope, content: Content) -> Content:
        """With its signatures; as it is when it is not ours to sign, or nobody has a key."""
        if not self._keys or not envelope.is_own:
            return content

        async def again(converted: Content) -> bytes:
            return await self._fields(envelope, converted)

        then, fields = self._remembered.get(envelope.id, (0.0, b""))
        if not fields or self._now() - then >= _REMEMBERED_SECONDS:
            fields = await self._fields(envelope, content)
            self._remember(envelope.id, fields)
        return Signed(fields, content, again) if fields else content

    async def _fields(self, envelope: Envelope, content: Content) -> bytes:
        """b"" without a key for it."""
        head = content.read(0, min(content.size, _HEADER_OCTETS))
        header = scan(head)
        keys = self._keys.get(signing_domain(header, envelope.reverse_path, self._keys), ())
        if not keys or (header.end == len(head) < content.size):
            return b""
        fields = await self._made(header, content, keys)
        log(Event.MAIL_SIGNED, mid=envelope.id, domain=keys[0].domain, selectors=", ".join(k.selector for k in keys))
        return fields

    async def _made(self, header: Header, content: Content, keys: Sequence[SigningKey]) -> bytes:
        now = int(self._now())

        def work() -> bytes:
            hashed = body_hash(_pieces(content, header.end))
            return b"".join(signature(header, hashed, key, now) for key in keys)

        return await self._aside(work) if content.size >= _ASIDE_OCTETS else work()

    def _remember(self, mid: str, fields: bytes) -> None:
        self._remembered[mid] = self._now(), fields
        self._remembered.move_to_end(mid)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)


def _pieces(content: Content, start: int) -> Iterator[bytes]:
    for offset in range(start, content.size, _CHUNK):
        yield content.read(offset, min(_CHUNK, content.size - offset))


def signing_domain(header: Header, reverse_path: str, keys: Keys) -> str:
    """From's domain, or its nearest parent with a key; else the sender's; "" without any."""
    values = header.all(b"from")[:1]
    authors = [address.domain.decode("utf-8", "replace") for value in values for address in mailboxes(value)]
    for domain in (*authors[:1], reverse_path.rpartition("@")[2]):
        for each in with_parents(a_labels(domain)):
            if each in keys:
                return each
    return ""


class SigningCourier:
    """`queue.api.Courier`: signs, and lets `courier` carry it."""

    def __init__(self, signer: Signer, courier: Courier) -> None:
        self._signer, self._courier = signer, courier

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Mapping[Recipient, Outcome]:
        return await self._courier.deliver(envelope, recipients, await self._signer.signed(envelope, content))
