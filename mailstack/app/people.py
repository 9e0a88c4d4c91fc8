"""From the configuration to what `accounts` asks for."""

from typing import Any

from mailstack.accounts.bans import BanRules
from mailstack.accounts.guard import GuardRules
from mailstack.accounts.sending import LIMITS, SendingLimits
from mailstack.accounts.tokens import TokenIssuer, TokenSettings
from mailstack.app.ways import first_line
from mailstack.config.model import Config

__all__ = ["guard_rules", "issuer", "sending_limits"]


def guard_rules(config: Config) -> GuardRules:
    abuse = config.abuse
    return GuardRules(
        bans=BanRules(
            guesses=abuse.wrong_passwords,
            first=abuse.ban.total_seconds(),
            longest=abuse.longest_ban.total_seconds(),
        ),
        never=abuse.never,
        connections_a_minute=abuse.connections_per_minute,
        connections_a_minute_wide=abuse.connections_per_minute_network,
        errors_an_hour=abuse.errors_per_hour,
    )


def sending_limits(config: Config) -> SendingLimits:
    return SendingLimits(**{name: getattr(config.submission, name) for name in LIMITS})


def issuer(config: Config, reactor: Any) -> TokenIssuer | None:
    """OSError when the CA or the secret cannot be read."""
    oauth = config.oauth
    if not (oauth.issuer or oauth.introspection):
        return None
    from mailstack.net.https import Https  # with its libraries: most servers never need it

    settings = TokenSettings(
        issuer=oauth.issuer,
        jwks=oauth.jwks,
        introspection=oauth.introspection,
        client_id=oauth.client_id,
        client_secret=first_line(oauth.client_secret_file),
        audience=oauth.audience,
        scope=oauth.scope,
        claim=oauth.claim,
    )
    return TokenIssuer(settings, Https(reactor, oauth.ca), reactor.seconds)
