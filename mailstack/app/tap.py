"""`twistd mailstack`: options, and the service tree.  The plugin file names this module and nothing else."""

import sys
from typing import Any, ClassVar

from twisted.application.service import IService
from twisted.logger import ILogObserver
from twisted.python import usage

from mailstack import __version__
from mailstack.app.configuration import configuration_path, read_config
from mailstack.app.daemon import Daemon
from mailstack.app.logs import JsonLines
from mailstack.app.notify import passed_descriptors
from mailstack.config.faults import ConfigError
from mailstack.net.listen import passed_sockets

__all__ = ["Options", "makeService"]


class Options(usage.Options):
    synopsis = "[--config FILE]"
    longdesc = "A full mail server: SMTP, submission, relay, POP3 and IMAP over one Maildir store."
    optParameters: ClassVar[list[list[Any]]] = [
        ["config", "c", "", "The configuration file; else $MAILSTACK_CONFIG, else /etc/mailstack/mailstack.toml"],
    ]

    def opt_version(self) -> None:
        """Print the version and end."""
        sys.stdout.write(f"mailstack {__version__}\n")
        raise SystemExit(0)

    def postOptions(self) -> None:
        try:
            self["read"] = read_config(configuration_path(self["config"]))
        except ConfigError as faults:
            raise SystemExit(str(faults)) from None


def makeService(options: Options) -> IService:
    from twisted.internet import reactor  # twistd has installed its choice by now

    path, config = configuration_path(options["config"]), options["read"]
    return TwistdDaemon(config, lambda: read_config(path), reactor, passed_sockets(passed_descriptors()))


class TwistdDaemon(Daemon):
    """Text goes to the log that twistd was told; JSON lines always to the standard output."""

    def setServiceParent(self, parent: Any) -> None:
        if self.config.log.format == "json":
            parent.setComponent(ILogObserver, JsonLines())
        Daemon.setServiceParent(self, parent)  # type: ignore[no-untyped-call]
