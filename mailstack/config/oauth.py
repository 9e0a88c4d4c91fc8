"""`[oauth]`: whose access tokens are good for a login."""

from dataclasses import dataclass
from typing import ClassVar

from mailstack.config.kinds import HTTPS, PATH, TEXT
from mailstack.config.setting import Section, setting

__all__ = ["OAuth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth(Section):
    doc: ClassVar[str] = (
        "Logins by access token (OAUTHBEARER, XOAUTH2) of an identity provider: Keycloak, Authentik, Microsoft Entra "
        "ID, Google.  Each listener that shall take them names the mechanisms."
    )

    issuer: str = setting(
        HTTPS,
        "",
        'The provider, as it calls itself in its tokens (iss).  Its keys are found from here.  "": no tokens.',
        example="https://login.example.org/realms/mail",
        why="people log in with an account somewhere else",
    )
    jwks: str = setting(
        HTTPS,
        "",
        'Where its keys are.  "": its own description (/.well-known/openid-configuration) says where.',
        why="it has no such description",
    )
    introspection: str = setting(
        HTTPS,
        "",
        "Where to ask whether a token is good (RFC 7662).  Every login asks, and a token that was revoked counts no "
        'longer.  "": signatures are checked here.',
        example="https://login.example.org/realms/mail/protocol/openid-connect/token/introspect",
        why="its tokens are no JWTs, or a revoked one must not count for its last minutes",
    )
    client_id: str = setting(TEXT, "", "The name under which this server asks there.", why="with introspection")
    client_secret_file: str = setting(
        PATH,
        "",
        "Path of a file with the secret that goes with it on its first line, readable for the server's user only.",
        why="with introspection",
    )
    audience: str = setting(
        TEXT,
        "",
        "Whom a token must be made for (aud).  Needed without introspection: a token for another service must not open "
        "people's mail.",
        example="mail",
        why="what the provider writes into tokens for mail programs",
    )
    scope: str = setting(
        TEXT, "", 'A scope that a token must have.  "": any will do.', why="not every token is for mail"
    )
    claim: str = setting(
        TEXT,
        "email",
        "Which field of a token has the address of its owner: one that people cannot choose for themselves.",
        why="preferred_username, upn, username",
    )
    ca: str = setting(
        PATH,
        "",
        'Path of the CA to trust for these addresses, PEM.  "": the system\'s.',
        why="the provider has a certificate of a CA of your own",
    )
