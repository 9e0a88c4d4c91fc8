"""Serve the measuring harness: `python -m tests.bench.serve CONFIG.json` runs the daemon as that file says.

    {"dir", "domain", "ports": {name: port}, "host", "maildir_root", "users": {name: password},
     "tls": {"cert", "key"}, "relay": {"dns": "IP:PORT", "mx_port"}, "uid", "gid"}

The product is run as it is, by a configuration file like anybody's: durable, with
TLS, passwords hashed by argon2id.  The harness keeps the INBOX of u0 in
`<maildir_root>/u0/Maildir`; ours is `<mail>/<domain>/u0`, so each is a link to it.
"""

import json
import sys
from pathlib import Path

from mailstack.accounts.passwords import make_credential
from mailstack.accounts.store import AccountStore
from mailstack.base.secret import Secret

CONFIG = """\
hostname = "mail.{domain}"
state = "{state}"

[store]
mail = "{mail}"

[tls]
certificate = "{cert}"
key = "{key}"

[dns]
servers = ["{dns}"]

[relay]
mx_port = {mx_port}
concurrency = 100
concurrency_per_domain = 20

[limits]
connections = 20000
smtp_connections_per_address = 20000
strangers_per_address = 20000
imap_connections_per_account = 1000

[accounts]
default_domain = "{domain}"
allow_auth_in_clear_on_loopback = true

[submission]
messages_per_hour = 0
messages_per_day = 0
recipients_per_hour = 0
recipients_per_day = 0
new_recipients_per_day = 0

[log]
level = "warn"

{listeners}
"""
SENDERS = "client.example"
# the harness's name of a port → (our listener, more of its table)
LISTENERS = {
    "smtp": ("smtp", ""),
    "submission": ("submission", ""),
    "imap": ("imap", ""),
    "imaps": ("imaps", ""),
    "pop3": ("pop3", ""),
    "pop3s": ("pop3s", ""),
    "submissions": ("submissions", ""),
}


def write_config(given):
    """The path of the configuration file made from the harness's."""
    folder = Path(given["dir"])
    state = folder / "state"
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    tables = []
    for name, (listener, more) in LISTENERS.items():
        if name in given["ports"]:
            tables.append(f'[listeners.{listener}]\naddress = ["{given["host"]}:{given["ports"][name]}"]\n{more}')
        else:
            tables.append(f"[listeners.{listener}]\nenabled = false\n")
    relay = given.get("relay") or {}
    file = folder / "mailstack.toml"
    file.write_text(
        CONFIG.format(
            domain=given["domain"],
            state=state,
            mail=folder / "maildirs",
            cert=given["tls"]["cert"],
            key=given["tls"]["key"],
            dns=relay.get("dns", "127.0.0.1:53"),
            mx_port=relay.get("mx_port", 25),
            listeners="\n".join(tables),
        ),
        encoding="utf-8",
    )
    return file


def make_people(given):
    """Accounts (one hash for all: the harness gives everybody the same password) and the links to their Maildirs."""
    folder, domain = Path(given["dir"]), given["domain"]
    people = AccountStore(folder / "state" / "accounts.sqlite")
    if domain not in people.domains():
        people.add_domain(domain)
    there = {account.name for account in people.accounts()}
    credentials = {}
    for user, password in given["users"].items():
        if password not in credentials:
            credentials[password] = make_credential(Secret(password))
        name = f"{user.partition('@')[0]}@{domain}"
        if name not in there:
            people.add_account(name, credentials[password])
        ours = folder / "maildirs" / domain / user
        if not ours.is_symlink():
            ours.parent.mkdir(parents=True, exist_ok=True)
            theirs = Path(given["maildir_root"], user, "Maildir")
            theirs.mkdir(parents=True, exist_ok=True)
            ours.symlink_to(theirs)
    # the harness's load comes from an address of another domain: whoever logs in may send as that
    if SENDERS not in people.domains():
        people.add_domain(SENDERS)
        people.add_alias(f"@{SENDERS}", [f"{next(iter(given['users'])).partition('@')[0]}@{domain}"])
    people.close()


def main():
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    file = write_config(given)
    make_people(given)
    sys.argv = ["twistd", "-n", "--pidfile=", "mailstack", "--config", str(file)]
    from twisted.scripts.twistd import run

    run()


if __name__ == "__main__":
    main()
