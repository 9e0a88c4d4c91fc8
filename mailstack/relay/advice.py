"""What a fault on the way out means, and what to do about it: for whoever runs this server.  Pure."""

from collections.abc import Mapping

from mailstack.message.known_replies import explain
from mailstack.queue.api import RemoteReply

__all__ = ["advice"]

_SITUATIONS: Mapping[str, str] = {
    "refused": "That machine is there, and nothing listens on the port, or a firewall there says no.  If every server "
    "refuses, a firewall of your own network does.  If only this one: it is down, or the MX names the wrong host.",
    "timeout": "Nothing came back at all: mostly a firewall that swallows port 25 on the way out; many providers do "
    "that until asked.  Try another domain: if that times out too, ask your provider to open port 25, or send through "
    "a server that takes mail on port 587: [relay.smarthost].",
    "unreachable": "There is no route to that address.  For an IPv6 address: this machine has no IPv6 to the outside; "
    "IPv4 is tried as well.",
    "no-mx": "Allowed (RFC 5321 §5.1), but rare: did you mean another domain?",
    "clear": "Everybody on the way can read such mail.  Nothing here is wrong; their server is old.",
    "name": "Usual between mail servers, and no obstacle: nothing asks for a certificate.",
}

_OURS: Mapping[str, str] = {  # our own status → the same
    "5.1.2": "The domain is mistyped, or has expired.  Mail to it fails at once.",
    "5.1.10": "The domain says that it takes no mail at all (RFC 7505).  Ask for another address.",
    "5.4.4": "Their DNS names a host that is not there.  Only they can mend it; the mail fails.",
    "5.4.6": "The MX names this server, which does not have the domain: mailstack domain add NAME, or mend the MX.",
    "4.4.3": "The name servers did not answer; mail waits and is tried again.  If every domain fails, look at your own "
    "resolver: [dns] servers, or /etc/resolv.conf.",
    "4.4.2": "The connection broke off, or the server said nothing for too long.  Some servers hang up on addresses "
    "that they distrust: see that yours has a PTR record and is on no block list.",
    "4.7.0": "Their policy, or your configuration, asks for TLS, and the server offers none; mail waits, and comes "
    "back in the end.  Only they can mend it, or your [[relay.transports]].",
    "4.7.5": "The certificate is not what the domain promises (DANE or MTA-STS): their fault, or somebody is in "
    "between.  Mail waits.",
    "4.7.8": "User or password is wrong, or the server wants an app password: see user and password_file.",
    "5.6.7": "The address needs SMTPUTF8, which not every server has.",
}

_BY_CODE: Mapping[int, str] = {
    421: "They are busy, or distrust your address for now; mail is tried again.",
    450: "They put it off, often greylisting: a second try some minutes later is taken.",
    451: "They put it off, often greylisting: a second try some minutes later is taken.",
    530: "The server wants a login: set user and password_file in [relay.smarthost].",
    535: "User or password is wrong.",
    550: "There is no such mailbox, or they do not want mail from you: their text says which.",
    551: "The address has moved: their text says where.",
    552: "The mailbox is full, or the message too large.",
    553: "They do not like the address itself.",
    554: "They refuse: their text says why; often the reputation of your address.",
}


def advice(of: str | RemoteReply) -> str:
    """For a situation by name, or for a reply."""
    if isinstance(of, str):
        return _SITUATIONS[of]
    if of.code:
        return explain(of) or _BY_CODE.get(of.code, "They say no; their text is all there is to go by.")
    return _OURS.get(of.status, "")
