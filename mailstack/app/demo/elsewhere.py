"""The rest of the world, small: a name server and another domain's mail server, both on loopback.

The demo's server finds `elsewhere.test` as it would find any domain: it asks a
name server for the MX, connects to it, and believes what it says.
"""

from collections.abc import Mapping
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from twisted.internet.protocol import DatagramProtocol

from mailstack.base.errors import Condition, MailError
from mailstack.base.staging import StagedFile
from mailstack.flow.api import Accepted, Arriving
from mailstack.queue.api import Recipient
from mailstack.store.values import Staged

__all__ = ["NameServer", "OtherServer"]

TTL = 60  # seconds


class NameServer(DatagramProtocol):
    """Answers from a table of {(name, type): (text, …)}; everything else does not exist."""

    def __init__(self, records: Mapping[tuple[str, str], tuple[str, ...]]) -> None:
        self._records = records

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        try:
            query = dns.message.from_wire(datagram)
        except dns.exception.DNSException:
            return
        assert self.transport is not None
        self.transport.write(self._answer(query).to_wire(), addr)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        texts = self._records.get((name, kind), ())
        if texts:
            answer.answer.append(dns.rrset.from_text(question.name, TTL, dns.rdataclass.IN, question.rdtype, *texts))
        elif not any(known == name for known, _ in self._records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


class OtherServer:
    """What stands behind the other domain's MX: a Flow that keeps every message, and knows no address `nobody`."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.arrived: list[bytes] = []  # whole messages, in order; appended on the reactor's thread, read by the check

    async def sender(self, mail: Arriving, reverse_path: str) -> None:
        mail.reverse_path = reverse_path

    async def recipient(self, mail: Arriving, recipient: Recipient) -> None:
        local, _, domain = recipient.address.partition("@")
        if domain != "elsewhere.test":
            raise MailError(Condition.RELAY_DENIED, "only elsewhere.test is served here")
        if local == "nobody":
            raise MailError(Condition.NO_SUCH_USER, "nobody has no mailbox here")
        mail.recipients.append(recipient)

    def stage(self, mail: Arriving) -> Staged:  # noqa: ARG002  a Flow's face
        staged: Any = StagedFile(self._folder)
        return staged  # type: ignore[no-any-return]

    async def accept(self, mail: Arriving, staged: Staged) -> Accepted:
        self.arrived.append(staged.read(0, staged.size))
        return Accepted(mail.mid, f"taken by elsewhere.test as {mail.mid}")
