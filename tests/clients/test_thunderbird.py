"""Thunderbird: one process with an IMAP account (alice) and a POP3 one (bob), worked as by a person at its windows."""

import email
import re
import shutil
import smtplib

import pytest

from tests.clients.daemon import PASSWORDS
from tests.clients.mail import imap, send, subjects, text, wait_until
from tests.clients.thunderbird import Thunderbird

ALICE = "alice@demo.test"
BOB = "bob@demo.test"
ROOT = "imap://alice%40demo.test@localhost"
INBOX = f"{ROOT}/INBOX"
POP3_INBOX = "mailbox://bob%40demo.test@localhost/Inbox"

pytestmark = pytest.mark.needs("thunderbird")


def account(number, kind, port, user):
    """An account, its server with TLS from the start and "normal password", and its identity."""
    server = {
        "type": kind,
        "hostname": "localhost",
        "port": port,
        "userName": user,
        "name": user,
        "socketType": 3,
        "authMethod": 3,
        # nothing happens by the clock: what comes to be seen was asked for by the test, or told by IDLE
        "login_at_startup": False,
        "check_new_mail": False,
        "leave_on_server": True,  # of POP3, as the account assistant sets both
        "delete_mail_left_on_server": True,
    }
    identity = {
        "useremail": user,
        "fullName": user.partition("@")[0].title(),
        "smtpServer": "smtp1",
        "valid": True,
        "compose_html": False,
    }
    return {
        f"mail.account.account{number}.server": f"server{number}",
        f"mail.account.account{number}.identities": f"id{number}",
        **{f"mail.server.server{number}.{name}": value for name, value in server.items()},
        **{f"mail.identity.id{number}.{name}": value for name, value in identity.items()},
    }


def preferences(ports):
    return {
        "mail.accountmanager.accounts": "account1,account2,account3",
        "mail.accountmanager.defaultaccount": "account1",
        **account(1, "imap", ports["imaps"], ALICE),
        **account(2, "pop3", ports["pop3s"], BOB),
        "mail.account.account3.server": "server3",
        "mail.accountmanager.localfoldersserver": "server3",
        "mail.server.server3.type": "none",
        "mail.server.server3.hostname": "Local Folders",
        "mail.server.server3.userName": "nobody",
        "mail.server.server3.name": "Local Folders",
        "mail.smtpservers": "smtp1",
        "mail.smtp.defaultserver": "smtp1",
        "mail.smtpserver.smtp1.hostname": "localhost",
        "mail.smtpserver.smtp1.port": ports["submission"],
        "mail.smtpserver.smtp1.username": ALICE,
        "mail.smtpserver.smtp1.try_ssl": 2,  # STARTTLS or nothing
        "mail.smtpserver.smtp1.authMethod": 3,
        "mail.compose.attachment_reminder": False,
        "mail.collect_email_address_outgoing": False,
    }


@pytest.fixture(scope="module")
def thunderbird(daemon, tmp_path_factory):
    program = shutil.which("thunderbird")
    if program is None:
        pytest.skip("thunderbird is not installed")
    logins = [("imap://localhost", ALICE), ("smtp://localhost", ALICE), ("mailbox://localhost", BOB)]
    running = Thunderbird(
        program,
        tmp_path_factory.mktemp("thunderbird"),
        preferences(daemon.ports),
        authority=daemon.ca,
        logins=[(*login, PASSWORDS[login[1]]) for login in logins],
    )
    yield running
    assert running.run("return [...Services.wm.getEnumerator(null)].length;") == 1, "a question or a complaint is open"
    running.stop()


def open_inbox(thunderbird, subject):
    """Click on the INBOX; until the message is in the list, and the folders have been found with their uses."""
    thunderbird.run("pane.displayFolder(args[0]);", INBOX)
    see(thunderbird, INBOX, subject)
    thunderbird.wait_for(
        "return MailServices.accounts.getIdentity('id1').fccFolderURI === args[0] && !!folderAt(args[0]);",
        *("the Sent folder", f"{ROOT}/Sent"),
    )


def see(thunderbird, uri, subject):
    thunderbird.wait_for("return !!header(...args);", f"{subject!r} in {uri}", uri, subject)


def select(thunderbird, subject, uri=INBOX):
    """Click on a message of the open folder; until it is the selected one."""
    thunderbird.wait_for(
        """
        const wanted = header(...args);
        const row = pane.gDBView?.findIndexOfMsgHdr(wanted, true);
        if (row === undefined || row === 0xffffffff) return false;
        pane.threadTree.selectedIndex = row;
        return pane.gDBView.hdrForFirstSelectedMessage?.messageKey === wanted.messageKey;
        """,
        f"{subject!r} in the list",
        *(uri, subject),
    )


def shown(thunderbird, subject, words):
    """What is to be read in the pane of the message, once these words are there."""
    return thunderbird.wait_for(
        """
        const about = pane.messageBrowser?.contentWindow;
        if (about?.gMessage?.mime2DecodedSubject !== args[0]) return false;
        const text = about.getMessagePaneBrowser().contentDocument?.body?.textContent;
        return text?.includes(args[1]) && text;
        """,
        f"{words!r} on the screen",
        *(subject, words),
    )


def command(thunderbird, *arguments):
    """What a menu of the main window does."""
    thunderbird.run("pane.commandController.doCommand(...args);", *arguments)


def send_what_is_written(thunderbird):
    """Until the window has closed: the message is sent and its copy kept."""
    thunderbird.wait_for(
        """
        const writing = Services.wm.getMostRecentWindow("msgcompose");
        if (!writing?.composeEditorReady || !writing.defaultController.isCommandEnabled("cmd_sendNow")) return false;
        writing.goDoCommand("cmd_sendNow");
        return true;
        """,
        "the window to write in",
    )
    thunderbird.wait_for("return !Services.wm.getMostRecentWindow('msgcompose');", "the message sent")


def flags(daemon, subject, folder="INBOX"):
    """The flags of alice's message, as the server has them."""
    with imap(daemon, ALICE, folder) as client:
        _, found = client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    for part in found:
        if isinstance(part, tuple) and part[1].decode().partition(":")[2].strip() == subject:
            return set(re.search(rb"FLAGS \(([^)]*)\)", part[0])[1].decode().split())
    return None


def test_reads_a_message_that_waits(daemon, thunderbird):
    send(daemon, [ALICE], text("waiting", "Read me in Thunderbird.\r\n", sender=BOB, recipient=ALICE), BOB)
    open_inbox(thunderbird, "waiting")
    select(thunderbird, "waiting")
    shown(thunderbird, "waiting", "Read me in Thunderbird.")
    wait_until(lambda: "\\Seen" in flags(daemon, "waiting"), "the message seen on the server")


def test_sends_with_an_attachment_and_keeps_a_copy(daemon, thunderbird):
    send(daemon, [ALICE], text("please send", recipient=ALICE))
    open_inbox(thunderbird, "please send")
    attachment = thunderbird.folder / "numbers.bin"
    attachment.write_bytes(bytes(range(256)) * 300)
    thunderbird.run(
        """
        const create = (id, kind) => Cc[`@mozilla.org/messengercompose/${id};1`].createInstance(kind);
        const fields = create("composefields", Ci.nsIMsgCompFields);
        [fields.to, fields.subject, fields.body] = [args[0], args[1], "Grüße aus Thunderbird.\\n.\\n..\\n"];
        const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
        file.initWithPath(args[2]);
        const attachment = create("attachment", Ci.nsIMsgAttachment);
        attachment.url = Services.io.newFileURI(file).spec;
        fields.addAttachment(attachment);
        const how = create("composeparams", Ci.nsIMsgComposeParams);
        how.composeFields = fields;
        how.identity = MailServices.accounts.getIdentity("id1");
        how.type = Ci.nsIMsgCompType.New;
        how.format = Ci.nsIMsgCompFormat.PlainText;
        MailServices.compose.OpenComposeWindowWithParams(null, how);
        """,
        *(BOB, "by Thunderbird", str(attachment)),
    )
    send_what_is_written(thunderbird)
    wait_until(lambda: "by Thunderbird" in subjects(daemon), "the message in bob's INBOX")
    wait_until(lambda: "by Thunderbird" in subjects(daemon, ALICE, "Sent"), "the copy in alice's Sent")
    for owner, folder in ((BOB, "INBOX"), (ALICE, "Sent")):
        message = fetch(daemon, owner, folder, "by Thunderbird")
        words, part = message.get_payload()
        assert words.get_payload(decode=True).decode().splitlines()[:3] == ["Grüße aus Thunderbird.", ".", ".."]
        assert part.get_filename() == "numbers.bin"
        assert part.get_payload(decode=True) == attachment.read_bytes()


def fetch(daemon, owner, folder, subject):
    with imap(daemon, owner, folder) as client:
        _, (numbers,) = client.search(None, "SUBJECT", f'"{subject}"')
        _, found = client.fetch(numbers.split()[-1].decode(), "(BODY.PEEK[])")
    return email.message_from_bytes(found[0][1])


def test_answers(daemon, thunderbird):
    send(daemon, [ALICE], text("please answer", sender=BOB, recipient=ALICE), BOB)
    open_inbox(thunderbird, "please answer")
    select(thunderbird, "please answer")
    shown(thunderbird, "please answer", "Hello.")
    command(thunderbird, "cmd_reply")
    send_what_is_written(thunderbird)
    wait_until(lambda: "Re: please answer" in subjects(daemon), "the answer in bob's INBOX")
    assert fetch(daemon, BOB, "INBOX", "Re: please answer")["In-Reply-To"] == "<please.answer@demo.test>"
    wait_until(lambda: "\\Answered" in flags(daemon, "please answer"), "the message marked as answered")


def test_reads_a_large_message_in_pieces(daemon, thunderbird):
    lines = [f"{number:06} the quick brown fox jumps over the lazy dog" for number in range(8000)]
    with imap(daemon, ALICE, None) as client:
        status, _ = client.append("Archive", None, None, text("large", "\r\n".join(lines)))
        assert status == "OK"
    send(daemon, [ALICE], text("by the way", recipient=ALICE))
    open_inbox(thunderbird, "by the way")
    archive = f"{ROOT}/Archive"
    # not kept for reading offline: read from the server when it is shown
    thunderbird.run("folderAt(args[0]).clearFlag(Ci.nsMsgFolderFlags.Offline); pane.displayFolder(args[0]);", archive)
    see(thunderbird, archive, "large")
    select(thunderbird, "large", archive)
    read = shown(thunderbird, "large", lines[-1])
    assert [line for line in read.split("\n") if "fox" in line] == lines
    wait_until(lambda: "\\Seen" in flags(daemon, "large", "Archive"), "the message seen on the server")


def test_searches_on_the_server(daemon, thunderbird):
    send(daemon, [ALICE], text("needle one", "An okapi.\r\n", recipient=ALICE))
    send(daemon, [ALICE], text("needle two", "Zwei Größen.\r\n", recipient=ALICE))
    send(daemon, [ALICE], text("hay", recipient=ALICE))
    open_inbox(thunderbird, "hay")
    for where, words, expected in (
        ("Subject", "needle", ["needle one", "needle two"]),
        ("Body", "okapi", ["needle one"]),
        ("Body", "Größen", ["needle two"]),
    ):
        found = thunderbird.run(
            """
            const create = (kind) => Cc["@mozilla.org/messenger/searchSession;1"].createInstance(kind);
            const session = create(Ci.nsIMsgSearchSession);
            session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folderAt(args[0]));
            const term = session.createTerm();
            term.attrib = Ci.nsMsgSearchAttrib[args[1]];
            const value = term.value;
            [value.attrib, value.str] = [term.attrib, args[2]];
            [term.value, term.op, term.booleanAnd] = [value, Ci.nsMsgSearchOp.Contains, true];
            session.appendTerm(term);
            return new Promise((done) => {
                const found = [];
                session.registerListener({
                    onNewSearch() {},
                    onSearchHit: (one) => found.push(one.mime2DecodedSubject),
                    onSearchDone: () => done(found.sort()),
                });
                session.search(null);
            });
            """,
            *(INBOX, where, words),
        )
        assert found == expected


def test_renames_and_deletes_a_folder(daemon, thunderbird):
    send(daemon, [ALICE], text("now the folders", recipient=ALICE))
    open_inbox(thunderbird, "now the folders")
    thunderbird.run('folderAt(args[0]).createSubfolder("Old", null);', ROOT)
    thunderbird.wait_for("return !!folderAt(args[0]);", "the folder", f"{ROOT}/Old")
    thunderbird.run('folderAt(args[0]).createSubfolder("Below", null);', f"{ROOT}/Old")
    thunderbird.wait_for("return !!folderAt(args[0]);", "the folder below", f"{ROOT}/Old/Below")
    thunderbird.run('folderAt(args[0]).rename("New", null);', f"{ROOT}/Old")
    thunderbird.wait_for("return !!folderAt(args[0]);", "the renamed folder", f"{ROOT}/New/Below")
    wait_until(lambda: {"New", "New/Below"} <= folders(daemon), "the new names on the server")
    assert not {"Old", "Old/Below"} & folders(daemon)
    thunderbird.run("folderAt(args[0]).deleteSelf(null);", f"{ROOT}/New")
    thunderbird.confirm("delete the folder")
    wait_until(lambda: {"Trash/New", "Trash/New/Below"} <= folders(daemon), "the folders in the Trash")
    assert not {"New", "New/Below"} & folders(daemon)


def folders(daemon):
    with imap(daemon, ALICE, None) as client:
        _, found = client.list()
    return {line.decode().rpartition(' "/" ')[2].strip('"') for line in found}


def test_is_told_of_new_mail_while_the_inbox_is_open(daemon, thunderbird):
    send(daemon, [ALICE], text("before", recipient=ALICE))
    open_inbox(thunderbird, "before")
    for number in range(2):
        # as mail comes from the world: not by a login
        with smtplib.SMTP("localhost", daemon.ports["smtp"], timeout=30) as smtp:
            smtp.sendmail("carol@far.test", [ALICE], text(f"new {number}", sender="carol@far.test", recipient=ALICE))
        see(thunderbird, INBOX, f"new {number}")


def test_sees_what_another_client_changes(daemon, thunderbird):
    send(daemon, [ALICE], text("changed elsewhere", recipient=ALICE))
    open_inbox(thunderbird, "changed elsewhere")
    for change, script in (
        (("+FLAGS", "(\\Flagged)"), "return header(...args).isFlagged;"),
        (("+FLAGS", "(\\Deleted)"), "return !header(...args) || header(...args).flags & 0x200000;"),
    ):
        with imap(daemon, ALICE) as client:
            _, (numbers,) = client.search(None, "SUBJECT", '"changed elsewhere"')
            client.store(numbers.decode(), *change)
        thunderbird.wait_for(script, f"the change {change}", INBOX, "changed elsewhere")
    with imap(daemon, ALICE) as client:
        client.expunge()
    thunderbird.wait_for("return !header(...args);", "the message to vanish", INBOX, "changed elsewhere")


def test_marks_moves_and_deletes(daemon, thunderbird):
    subject = "to be worked on"
    send(daemon, [ALICE], text(subject, recipient=ALICE))
    open_inbox(thunderbird, subject)
    select(thunderbird, subject)
    command(thunderbird, "cmd_tag1")
    command(thunderbird, "cmd_markAsFlagged")
    wait_until(lambda: {"$label1", "\\Flagged"} <= flags(daemon, subject), "the tag and the flag on the server")

    thunderbird.run('folderAt(args[0]).createSubfolder("Entwürfe & mehr", null);', ROOT)
    uri = thunderbird.wait_for(
        'return folderAt(args[0]).subFolders.find((one) => one.name === "Entwürfe & mehr")?.URI;', "the folder", ROOT
    )
    name = '"Entw&APw-rfe &- mehr"'
    thunderbird.run('pane.commandController.doCommand("cmd_moveMessage", folderAt(args[0]));', uri)
    wait_until(lambda: subject in subjects(daemon, ALICE, name), "the message in the new folder")
    wait_until(lambda: subject not in subjects(daemon, ALICE), "the message gone from the INBOX")
    assert {"$label1", "\\Flagged"} <= flags(daemon, subject, name)

    thunderbird.run("pane.displayFolder(args[0]);", uri)
    see(thunderbird, uri, subject)
    select(thunderbird, subject, uri)
    command(thunderbird, "cmd_deleteMessage")
    wait_until(lambda: subject in subjects(daemon, ALICE, "Trash"), "the message in the Trash")
    wait_until(lambda: subject not in subjects(daemon, ALICE, name), "the message gone from the folder")


def test_fetches_by_pop3_and_deletes(daemon, thunderbird):
    send(daemon, [BOB], text("by pop3", "Fetch me.\r\n"))
    get_new_mail(thunderbird)
    see(thunderbird, POP3_INBOX, "by pop3")
    get_new_mail(thunderbird)  # nothing new
    assert thunderbird.run("return headers(args[0]).map((one) => one.subject);", POP3_INBOX).count("by pop3") == 1
    assert "by pop3" in subjects(daemon)
    thunderbird.run(
        "folderAt(args[0]).deleteMessages([header(...args)], null, true, false, null, false);", POP3_INBOX, "by pop3"
    )
    thunderbird.wait_for("return !header(...args);", "the message deleted", POP3_INBOX, "by pop3")
    get_new_mail(thunderbird)
    assert "by pop3" not in subjects(daemon)


def get_new_mail(thunderbird):
    result = thunderbird.run(
        """
        const server = MailServices.accounts.getIncomingServer("server2");
        const inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
        return new Promise((done) => {
            const listener = { OnStartRunningUrl() {}, OnStopRunningUrl: (_, status) => done(status) };
            MailServices.pop3.GetNewMail(main.msgWindow, listener, inbox, server);
        });
        """
    )
    assert result == 0
