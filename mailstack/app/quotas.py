"""What the configuration says of quotas."""

from mailstack.config.model import Config
from mailstack.store.values import Quota

__all__ = ["default_quota"]


def default_quota(config: Config) -> Quota:
    """Of those for whom nothing else is set."""
    given = config.quota
    return Quota(given.storage, given.messages, waits=given.when_full == "defer")
