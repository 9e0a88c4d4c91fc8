"""Names on the disk: of accounts, mailboxes and messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import Condition, MailError
from mailstack.store import maildir


@pytest.mark.parametrize(
    ("account", "path"),
    [
        ("alice@demo.test", "/m/demo.test/alice"),
        ("o'brien+x@demo.test", "/m/demo.test/o'brien+x"),
        ("a@b@demo.test", "/m/demo.test/a@b"),
        ("jürgen@bücher.test", "/m/bücher.test/jürgen"),
    ],
)
def test_account_path(account, path):
    assert maildir.account_path("/m", account) == path


@pytest.mark.parametrize(
    "account",
    [
        "",
        "alice",
        "@demo.test",
        "alice@",
        "../../etc@demo.test",
        "..@demo.test",
        ".@demo.test",
        ".hidden@demo.test",
        "alice@..",
        "alice@.staging",
        "alice@a/b",
        "a/b@demo.test",
        "a\0b@demo.test",
        "a\nb@demo.test",
        "a\x7fb@demo.test",
        "x" * 300 + "@demo.test",
        "é" * 200 + "@demo.test",
    ],
)
def test_no_account_leads_elsewhere(account):
    with pytest.raises(MailError) as caught:
        maildir.account_path("/m", account)
    assert caught.value.condition is Condition.NO_SUCH_USER


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("INBOX", ""),
        ("Sent", ".Sent"),
        ("A/B", ".A.B"),
        ("INBOX/Old", ".INBOX.Old"),
        ("A.B", ".A\\2eB"),
        ("v1.2/rc.3", ".v1\\2e2.rc\\2e3"),
        ("back\\slash", ".back\\5cslash"),
        ("\\2e", ".\\5c2e"),
        ("Gelöscht", ".Gel&APY-scht"),
        ("Tom & Jerry", ".Tom &- Jerry"),
        ("台北", ".&U,BTFw-"),
        ("..", ".\\2e\\2e"),
        ("100%", ".100%"),
        ("~peter", ".~peter"),
    ],
)
def test_folder_names_and_back(name, folder):
    assert maildir.checked(name) == name
    assert maildir.folder_of(name) == folder
    if name != "INBOX":
        assert maildir.mailbox_of(folder) == name


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("inbox", "INBOX"),
        ("iNbOx/Sub", "INBOX/Sub"),
        ("A/inbox", "A/inbox"),
        ("Inboxes", "Inboxes"),
        ("A/", "A"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_normal(given_name, name):
    assert maildir.checked(given_name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "/A",
        "A//B",
        "A//",
        "a\0b",
        "a\nb",
        "a\x7f",
        "a\u2028b",
        "\ud800",
        "x" * 300,
        "ü" * 120,
        "/".join("abcd" * 9),
    ],
)
def test_names_that_no_mailbox_has(name):
    with pytest.raises(MailError) as caught:
        maildir.checked(name)
    assert caught.value.condition is Condition.BAD_MAILBOX_NAME


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (".Gelöscht", "Gelöscht"),  # another program's, in UTF-8
        (".broken&", "broken&"),
        (".a&AC4-b", "a&AC4-b"),  # not the one way to write it, so taken as it stands
        (".INBOX", None),
        (".", None),
        ("..", None),
        ("..trash", None),
        (".A..B", None),
        (".A.", None),
        ("cur", None),
        (".a\nb", None),
        (".&AAA-", "&AAA-"),
        (".a/b", None),
    ],
)
def test_what_others_have_made(folder, name):
    assert maildir.mailbox_of(folder) == name


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), min_size=1, max_size=30))
def test_every_good_name_comes_back(text):
    try:
        name = maildir.checked(text)
    except MailError:
        return
    folder = maildir.folder_of(name)
    assert folder == "" or (folder.isascii() and "/" not in folder)
    assert name == "INBOX" or maildir.mailbox_of(folder) == name


@pytest.mark.parametrize(
    ("name", "base", "letters"),
    [
        ("1.M2P3Q4.host,S=5,U=6:2,FS", "1.M2P3Q4.host,S=5,U=6", "FS"),
        ("1.host:2,", "1.host", ""),
        ("1.host", "1.host", ""),
        ("1.host:2,SF", "1.host", "FS"),
        ("1.host:1,S", "1.host", ""),
        ("1.host:2,S,x", "1.host", "S"),
    ],
)
def test_split(name, base, letters):
    assert maildir.split(name) == (base, letters)


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ("1.M2P3.host,S=5,U=6", ("1.M2P3.host", 5, None, 6)),
        ("1.M2P3.host,S=5,W=7,U=6", ("1.M2P3.host", 5, 7, 6)),
        ("1.host,W=7,S=5", ("1.host", 5, 7, None)),  # Dovecot's
        ("1.host", ("1.host", None, None, None)),
        ("1.host,S=x,U=", ("1.host", None, None, None)),
        ("1.S=5", ("1.S=5", None, None, None)),
    ],
)
def test_what_a_base_tells(base, told):
    assert maildir.read_base(base) == told


def test_unique_parts_differ_and_start_with_the_time():
    names = [maildir.unique_part(1700000000.25, serial, "host") for serial in range(3)]
    assert len(set(names)) == 3
    assert all(name.startswith("1700000000.M250000P") and name.endswith(".host") for name in names)


def test_host_name_is_safe_in_a_file_name(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "a/b:c,d e\u00fc")
    assert maildir.host_name() == "a\\057b\\072cde"
