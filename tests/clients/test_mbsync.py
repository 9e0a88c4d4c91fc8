"""mbsync: 200 messages both ways, with flags and expunges."""

import mailbox

import pytest

from tests.clients.daemon import PASSWORDS
from tests.clients.mail import imap, text
from tests.clients.test_programs import call, private_file

COUNT = 200
BOB = "bob@demo.test"


@pytest.fixture
def sync(daemon, program):
    local = daemon.folder / "local"
    local.mkdir()
    settings = private_file(
        daemon,
        "mbsyncrc",
        f"IMAPAccount bob\nHost localhost\nPort {daemon.ports['imaps']}\nUser {BOB}\nPass {PASSWORDS[BOB]}\n"
        f"SSLType IMAPS\nCertificateFile {daemon.ca}\n\nIMAPStore far\nAccount bob\n\n"
        f"MaildirStore near\nPath {local}/\nInbox {local}/INBOX\nSubFolders Verbatim\n\n"
        "Channel all\nFar :far:\nNear :near:\nPatterns INBOX Archive\nCreate Both\nExpunge Both\nSyncState *\n",
    )

    def run():
        call(program, "--config", settings, "--all", daemon=daemon)
        return mailbox.Maildir(local / "INBOX", create=False)

    return run


def flags(daemon):
    """{subject number: flags} as the server has them."""
    with imap(daemon) as client:
        _, found = client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    rows = [part for part in found if isinstance(part, tuple)]
    return {int(row[1].split()[-1]): row[0].decode() for row in rows}


@pytest.mark.needs("mbsync")
def test_two_ways(daemon, sync):
    with imap(daemon) as client:
        for number in range(COUNT):
            client.append("INBOX", r"(\Seen)" if number % 3 == 0 else "()", None, text(f"number {number}"))

    near = sync()
    assert len(near) == COUNT

    # here: 20 flagged, 20 removed, 5 new; there: 20 answered, 20 expunged
    by_number = {int(message["Subject"].split()[-1]): key for key, message in near.items()}
    for number in range(20):
        message = near[by_number[number]]
        message.add_flag("F")
        near[by_number[number]] = message
    for number in range(20, 40):
        near.remove(by_number[number])
    for number in range(COUNT, COUNT + 5):
        near.add(mailbox.MaildirMessage(text(f"number {number}").replace(b"\r\n", b"\n")))
    with imap(daemon) as client:
        client.store("41:60", "+FLAGS", r"(\Answered)")
        client.store("61:80", "+FLAGS", r"(\Deleted)")
        client.expunge()

    near = sync()
    there = flags(daemon)
    here = {int(message["Subject"].split()[-1]): message.get_flags() for message in near.values()}
    expected = set(range(20)) | set(range(40, 60)) | set(range(80, COUNT + 5))
    assert set(there) == expected
    assert set(here) == expected
    assert all("\\Flagged" in there[number] for number in range(20))
    assert all("R" in here[number] for number in range(40, 60))
    assert all("S" in here[number] for number in expected if number % 3 == 0 and number < COUNT)

    assert len(sync()) == len(expected)  # nothing left to do
    assert flags(daemon) == there
