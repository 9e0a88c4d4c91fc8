"""What the configuration says to flow."""

from dataclasses import dataclass

from mailstack.message.srs import Srs

__all__ = ["FlowSettings"]


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """`hostname` stands in Received and in a Message-ID that we add."""

    hostname: str
    max_hops: int = 100  # Received lines of others
    tag_is_folder: bool = False  # user+tag goes to the folder `tag` when there is one
    check_header_from: bool = True  # submission: From must be the sender's own
    show_client_ip: bool = False  # submission: Received tells where the author sits
    srs: Srs | None = None  # rewrites the senders of what aliases pass on to other servers
    header_octets: int = 64 * 1024  # of a submitted message
