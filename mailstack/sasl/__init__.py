"""SASL mechanisms, server side, sans-IO: each speaks, `accounts.login` decides.

A mechanism is a class without arguments whose `step` is given the client's
octets (already out of base64) and answers `Challenge`, `NeedKeys(name)`, `Done(claim)` or
`Refused(reason)`.  It knows neither accounts nor the protocol around it;
`conversation` brings it together with the login and the channel, once for SMTP, POP3
and IMAP.

The strongest is offered first, because many clients take the first that they know.  Which ones
a listener offers is its configuration's `mechanisms`: -PLUS is not among the usual ones.
A mechanism with channel binding is offered only over TLS; a client that says `y` there
(it can bind, and believes that we cannot) has been lied to, and is refused.  Kinds of
binding: tls-exporter on TLS 1.3 (RFC 9266), tls-server-end-point on all (RFC 5929).

SCRAM-SHA-1 is off: its keys are made only where a listener offers it, when a password is set or at the next login
that shows it, because they are cheaper to guess from than all the rest.  Where neither PLAIN nor LOGIN is offered the
password itself is never taken: IMAP's LOGIN and POP3's USER are refused, too.

Beside passwords there are access tokens of an issuer that the configuration names (OAUTHBEARER, XOAUTH2), and client
certificates (EXTERNAL, offered to who has shown one).

Refused: DIGEST-MD5 and CRAM-MD5, because they need the password itself to be
kept; tls-unique, which is broken before TLS 1.3 and is not in
it; SASLprep of names and passwords, because what `accounts` compares with has
been prepared by `accounts` (RFC 4616 §2 leaves the choice to the server).
"""

from types import MappingProxyType

from mailstack.sasl.api import Mechanisms
from mailstack.sasl.external import ExternalExchange
from mailstack.sasl.login import LoginExchange
from mailstack.sasl.oauth import OAuthBearerExchange, XOAuth2Exchange
from mailstack.sasl.plain import PlainExchange
from mailstack.sasl.scram import ScramExchange, ScramPlusExchange, ScramSha1Exchange, ScramSha1PlusExchange

__all__ = ["SERVER_MECHANISMS", "USUAL_MECHANISMS"]

# in the order in which they are offered
SERVER_MECHANISMS: Mechanisms = MappingProxyType(
    {
        ScramPlusExchange.name: ScramPlusExchange,
        ScramExchange.name: ScramExchange,
        ScramSha1PlusExchange.name: ScramSha1PlusExchange,
        ScramSha1Exchange.name: ScramSha1Exchange,
        ExternalExchange.name: ExternalExchange,
        OAuthBearerExchange.name: OAuthBearerExchange,
        XOAuth2Exchange.name: XOAuth2Exchange,
        PlainExchange.name: PlainExchange,
        LoginExchange.name: LoginExchange,
    }
)

# what a listener offers when nobody says otherwise, and -PLUS
USUAL_MECHANISMS: Mechanisms = MappingProxyType(
    {made.name: made for made in (ScramPlusExchange, ScramExchange, PlainExchange, LoginExchange)}
)
