"""SCRAM-SHA-256, SCRAM-SHA-1 and their -PLUS: the password itself never travels.  RFC 5802, RFC 7677

    C: n,,n=user,r=CLIENT                     gs2-header, name, nonce
    S: r=CLIENTSERVER,s=salt,i=iterations
    C: c=binding,r=CLIENTSERVER,p=proof       binding: the gs2-header again, and the channel's data
    S: v=signature                            only when the proof was right

The binding ties the login to this TLS connection, so that somebody in the middle cannot pass it on.  It
also shows when somebody has hidden the -PLUS mechanism from the client: then the client says `y`.
"""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Callable

from mailstack.accounts.api import ScramClaim, ScramKeys
from mailstack.base.errors import ParseFault
from mailstack.sasl.api import Challenge, Channel, Done, NeedKeys, Refused
from mailstack.sasl.fields import NAME_LIMIT, text_field

__all__ = ["ScramExchange", "ScramPlusExchange", "ScramSha1Exchange", "ScramSha1PlusExchange"]

_MESSAGE_LIMIT = 4096  # octets; two names, a nonce and what extensions there may ever be
_NONCE_OCTETS = 18  # of randomness: RFC 5802 §5.1 leaves it open

_NONCE = rb"[!-+\--~]+"  # printable ASCII without the comma
_EXTENSIONS = rb"(?:,(?![mp]=)[A-Za-z]=[^,\0]+)*"  # taken and not looked at: RFC 5802 §7
_FIRST = re.compile(
    rb"(?P<header>(?P<flag>[ny]|p=(?P<binding>[A-Za-z0-9.-]+)),(?:a=(?P<authzid>[^,]+))?,)"
    rb"(?P<bare>n=(?P<name>[^,]*),r=(?P<nonce>" + _NONCE + rb")" + _EXTENSIONS + rb")"
)
_MANDATORY = re.compile(rb"(?:[ny]|p=[A-Za-z0-9.-]+),[^,]*,m=.*", re.DOTALL)
_FINAL = re.compile(
    rb"(?P<unproved>c=(?P<header>[^,]+),r=(?P<nonce>" + _NONCE + rb")" + _EXTENSIONS + rb"),p=(?P<proof>[^,]+)"
)


def _server_nonce() -> str:
    return secrets.token_urlsafe(_NONCE_OCTETS)


class ScramExchange:
    """Without channel binding.  `nonce` makes the server's part of it."""

    name = "SCRAM-SHA-256"
    algorithm = "sha256"
    binds = False

    def __init__(self, nonce: Callable[[], str] = _server_nonce) -> None:
        self._make_nonce = nonce
        self._asked = False
        self._header = b""  # gs2-header, and what the channel is bound with
        self._flag = b""
        self._user = self._authzid = ""
        self._bare = b""  # client-first-message-bare
        self._nonce = b""
        self._server_first = b""
        self._keys: ScramKeys | None = None

    def step(self, response: bytes | None) -> Challenge | NeedKeys | Done | Refused:
        if response is None and not self._asked:
            self._asked = True
            return Challenge(b"")  # the client speaks first
        self._asked = True
        try:
            return self._take(response or b"")
        except ParseFault as fault:
            return Refused(str(fault))

    def _take(self, message: bytes) -> NeedKeys | Done:
        if len(message) > _MESSAGE_LIMIT:
            raise ParseFault(f"message longer than {_MESSAGE_LIMIT} octets")
        return self._first(message) if self._keys is None else self._final(message, self._keys)

    # --- client-first-message ----------------------------------------------------------------------------------

    def _first(self, message: bytes) -> NeedKeys:
        found = _FIRST.fullmatch(message)
        if found is None:
            raise ParseFault("extension not known" if _MANDATORY.fullmatch(message) else "not a client-first-message")
        header, flag, binding, authzid, bare, name, nonce = found.groups()
        if self.binds != (binding is not None):
            raise ParseFault("channel binding with -PLUS, and only there")
        self._user = _saslname(name, "user name")
        asked = "" if authzid is None else _saslname(authzid, "authorization identity")
        # quirk: Cyrus SASL sends the user name as authorization identity too
        self._authzid = "" if asked == self._user else asked
        self._header, self._flag, self._bare = header, flag, bare
        self._nonce = nonce + self._make_nonce().encode("ascii")
        return NeedKeys(self._user, (binding or b"").decode("ascii"), self._first_answer, self.algorithm)

    def _first_answer(self, keys: ScramKeys, channel: Channel) -> Challenge | Refused:
        if self._flag == b"y" and channel.binding_offered:
            return Refused("the -PLUS mechanism was hidden from the client")  # RFC 5802 §6
        if self.binds and channel.binding is None:
            return Refused("no channel binding of this kind")
        self._header += channel.binding or b"" if self.binds else b""
        self._keys = keys
        salt = base64.b64encode(keys.salt)
        self._server_first = b"r=%b,s=%b,i=%d" % (self._nonce, salt, keys.iterations)
        return Challenge(self._server_first)

    # --- client-final-message ----------------------------------------------------------------------------------

    def _final(self, message: bytes, keys: ScramKeys) -> Done:
        found = _FINAL.fullmatch(message)
        if found is None:
            raise ParseFault("not a client-final-message")
        unproved, header, nonce, proof = found.groups()
        if nonce != self._nonce:
            raise ParseFault("another nonce")
        if _from_base64(header) != self._header:
            raise ParseFault("bound to another channel")
        auth_message = b",".join((self._bare, self._server_first, unproved))
        claim = ScramClaim(self.name, self._user, auth_message, _from_base64(proof), self._authzid, self.algorithm)
        signature = hmac.digest(keys.server_key, auth_message, self.algorithm)
        return Done(claim, b"v=" + base64.b64encode(signature))


class ScramPlusExchange(ScramExchange):
    """With channel binding."""

    name = "SCRAM-SHA-256-PLUS"
    binds = True


class ScramSha1Exchange(ScramExchange):
    """RFC 5802's own hash, for clients that know no other."""

    name = "SCRAM-SHA-1"
    algorithm = "sha1"


class ScramSha1PlusExchange(ScramSha1Exchange):
    """With channel binding."""

    name = "SCRAM-SHA-1-PLUS"
    binds = True


def _saslname(data: bytes, what: str) -> str:
    """saslname = 1*(value-safe-char / "=2C" / "=3D")     RFC 5802 §7"""
    text = text_field(data, what, NAME_LIMIT)
    if re.search("=(?!2C|3D)", text):
        raise ParseFault(f"a single = in the {what}")
    return text.replace("=2C", ",").replace("=3D", "=")


def _from_base64(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise ParseFault("not base64") from None
