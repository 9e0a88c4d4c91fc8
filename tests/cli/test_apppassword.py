"""App passwords and the import of a Dovecot passwd-file, on the files of a server that does not run."""

from mailstack.accounts.foreign import verifies
from mailstack.accounts.store import AccountStore
from tests.accounts.test_foreign import HASHES, PASSWORD
from tests.cli.world import World


def test_app_passwords(world: World) -> None:
    world.says("domain", "add", "demo.test")
    world.says("account", "add", "alice@demo.test", "--password-stdin", typed="a-wonderland-of-9-hares\n")
    assert "Make one: mailstack app-password new alice@demo.test phone" in world.says(
        "app-password", "list", "alice@demo.test"
    )
    made = world.says("app-password", "new", "Alice@demo.test", "phone", "--scope", "imap", "--for", "90d").strip()
    assert len(made) == 23
    assert world.json("app-password", "new", "alice@demo.test", "old printer", "--network", "192.0.2.7")["password"]
    [phone, printer] = world.json("app-password", "list", "alice@demo.test")
    assert (phone["name"], phone["scopes"], phone["networks"], phone["used"]) == ("phone", ["imap"], [], None)
    assert phone["ends"] is not None
    assert (printer["name"], printer["networks"], printer["ends"]) == ("old printer", ["192.0.2.7"], None)
    assert made not in world.says("app-password", "list", "alice@demo.test")
    assert world.says("app-password", "revoke", "alice@demo.test", "phone", "--yes") == "phone is revoked.\n"
    assert "no app password phone" in world.refuses("app-password", "revoke", "alice@demo.test", "phone", "--yes")
    assert "there is no account" in world.refuses("app-password", "list", "eve@demo.test")
    assert "neither an address" in world.refuses("app-password", "new", "alice@demo.test", "x", "--network", "home")


def test_weak_passwords_are_refused(world: World) -> None:
    world.says("domain", "add", "demo.test")
    said = world.refuses("account", "add", "alice@demo.test", "--password-stdin", typed="secret\n")
    assert said.startswith("this password is too weak: This is a top-100 common password.")
    world.says("account", "add", "alice@demo.test", "--password-stdin", typed="a-wonderland-of-9-hares\n")
    assert "too weak" in world.refuses("account", "passwd", "alice@demo.test", "--password-stdin", typed="alice1\n")


def test_a_dovecot_passwd_file(world: World) -> None:
    """https://doc.dovecot.org: user:password:uid:gid:(gecos):home:(shell):extra_fields"""
    file = world.folder / "users"
    lines = ["# people", "", "anna@demo.test:{CRAM-MD5}0123::::::", "no one:{PLAIN}x::::::"]
    for number, kept in enumerate(HASHES.values()):
        lines.append(f"user{number}@demo.test:{kept}:1000:1000::/home/u::userdb_quota_rule=*:storage=1G")
    lines += [f"local:{HASHES['SSHA256']}", f"user0@demo.test:{HASHES['SSHA']}"]
    file.write_text("\n".join(lines), "utf-8")
    done = world.run("account", "import", str(file), "--domain", "else.test", "--add-domains", status=1)
    assert done.stdout == f"{len(HASHES) + 1} accounts made.\n"
    told = [line for line in done.stderr.splitlines() if line.startswith("line ")]
    assert told[0].startswith("line 3, anna@demo.test: its password is kept in a way")
    assert told[1].startswith("line 4, no one: ")
    assert (
        told[2]
        == f"line {len(lines)}, user0@demo.test: user0@demo.test is an address of the account user0@demo.test already"
    )
    people = AccountStore(world.state / "accounts.sqlite")
    kept = people.credential("local@else.test")
    assert kept is not None
    assert verifies(kept.hashed, PASSWORD)
    people.close()
