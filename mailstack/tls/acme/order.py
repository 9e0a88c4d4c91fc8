"""One order, from the account to the chain.  It blocks: seconds, at most `LONGEST`.  RFC 8555 §7"""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import acme.client
import acme.errors
import acme.messages
import requests
from acme.crypto_util import make_csr
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from josepy.b64 import b64encode
from josepy.json_util import JSONObjectWithFields
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC

from mailstack import __version__
from mailstack.tls.acme.provers import Proof, Prover
from mailstack.tls.acme.values import AcmeFault, Authority, Issued
from mailstack.tls.authority import write_private

__all__ = ["obtain"]

LONGEST = timedelta(minutes=3)
_NONCES = 4  # that may be refused, one after the other


def obtain(authority: Authority, names: Sequence[str], prover: Prover, now: datetime) -> Issued:
    """AcmeFault."""
    try:
        client = _client(authority)
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        order = client.new_order(make_csr(pem, list(names)))
        deadline = (now + LONGEST).astimezone().replace(tzinfo=None)  # the library counts in local time
        open_ones = [each.body for each in order.authorizations if each.body.status is not acme.messages.STATUS_VALID]
        challenges = [_challenge(client, authorization, prover.kind) for authorization in open_ones]
        with prover.proven([proof for _, proof in challenges]) if challenges else nullcontext():
            for url, _ in challenges:
                # not `answer_challenge`: that wants a Link header, which RFC 8555 §7.5.1 does not, nor does pebble 2.4
                client.net.post(url, _Ready(), new_nonce_url=client.directory["newNonce"])
            done = client.poll_and_finalize(order, deadline)
    except acme.errors.ValidationError as refused:
        raise AcmeFault(_refusals(refused)) from None
    except acme.errors.TimeoutError:
        raise AcmeFault(f"{authority.directory} did not decide within {LONGEST.seconds // 60} minutes") from None
    except (acme.errors.Error, acme.messages.Error) as fault:
        raise AcmeFault(f"{authority.directory}: {_words(fault)}") from None
    except requests.RequestException as fault:
        raise AcmeFault(f"{authority.directory} cannot be reached: {fault}") from None
    return Issued(done.fullchain_pem.encode(), pem)


class _Network(acme.client.ClientNetwork):
    """The library tries once more after `badNonce`; busy authorities say it more than once.  RFC 8555 §6.5"""

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        for _ in range(_NONCES):
            try:
                return super().post(*args, **kwargs)
            except acme.messages.Error as fault:
                if fault.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)


def _client(authority: Authority) -> acme.client.ClientV2:
    key = JWKEC(key=_account_key(Path(authority.account_key)))
    net = _Network(key, alg=ES256, user_agent=f"mailstack/{__version__}")
    if authority.trust:
        net.verify_ssl = cast("bool", authority.trust)  # `requests` takes a path as well
    directory = acme.client.ClientV2.get_directory(authority.directory, net)
    client = acme.client.ClientV2(directory, net)
    given: dict[str, Any] = {"email": authority.contact} if authority.contact else {}
    registration = acme.messages.NewRegistration.from_data(terms_of_service_agreed=True, **given)
    try:
        client.new_account(registration)
    except acme.errors.ConflictError as known:  # this key has an account: its URL is in the answer
        net.account = acme.messages.RegistrationResource(uri=known.location, body=acme.messages.Registration())
    return client


def _account_key(path: Path) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        made = ec.generate_private_key(ec.SECP256R1())
        write_private(str(path), made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except ValueError:
        raise AcmeFault(f"{path} is no private key; move it away, and a new account is made") from None
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _challenge(client: acme.client.ClientV2, authorization: Any, kind: str) -> tuple[str, Proof]:
    """The URL of the one challenge of this kind, and its proof."""
    name = authorization.identifier.value
    offered = {_as_sent(body)["type"]: body for body in authorization.challenges}
    body = offered.get(kind)
    if body is None:
        kinds = ", ".join(sorted(offered))
        raise AcmeFault(f"{name} cannot be proven by {kind}; the authority takes {kinds}: see tls.acme.challenge")
    token = _as_sent(body)["token"]
    assert client.net.key is not None
    return body.uri, Proof(name, token, f"{token}.{_thumbprint(client.net.key)}")


def _as_sent(body: Any) -> dict[str, str]:
    """A challenge as the authority wrote it, whether the library knows its kind or not (TLS-ALPN-01)."""
    sent: dict[str, str] = getattr(body.chall, "jobj", None) or body.chall.to_json()
    return sent


class _Ready(JSONObjectWithFields):
    """An empty object says "look now" for every kind of challenge.  RFC 8555 §7.5.1"""

    def __bool__(self) -> bool:
        """The library sends nothing at all for what is false, and it takes an object without fields for that."""
        return True


def _thumbprint(key: JWK) -> str:
    """RFC 8555 §8.1"""
    return b64encode(key.thumbprint()).decode()


def _refusals(failed: acme.errors.ValidationError) -> str:
    """What the authority saw, for each name."""
    lines = []
    for authorization in failed.failed_authzrs:
        name = authorization.body.identifier.value
        lines += [f"{name}: {_words(body.error)}" for body in authorization.body.challenges if body.error is not None]
    return "; ".join(lines) or "the authority refused, without a reason"


def _words(fault: Any) -> str:
    return str(getattr(fault, "detail", None) or fault)
