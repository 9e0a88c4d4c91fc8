"""IMAP by the libraries that people write programs with: each logs in, files, searches, moves, waits for news."""

import asyncio
import json
import shutil
import subprocess

import pytest

from tests.clients.daemon import PASSWORDS, PATIENCE
from tests.clients.mail import imap, send, text, tls
from tests.clients.test_programs import call, private_file

BOB = "bob@demo.test"


@pytest.fixture
def folder(daemon, request):
    """A folder of the test's own, with three messages."""
    name = request.node.name.replace("test_", "")
    with imap(daemon, folder=None) as client:
        client.create(name)
        for number in range(1, 4):
            client.append(name, None, None, text(f"{name} {number}"))
    return name


def test_imapclient(daemon, folder):
    imapclient = pytest.importorskip("imapclient", reason="imapclient is not installed")
    with imapclient.IMAPClient("localhost", daemon.ports["imaps"], ssl_context=tls(daemon), timeout=PATIENCE) as client:
        client.login(BOB, PASSWORDS[BOB])
        assert client.has_capability("IMAP4rev2")
        assert client.select_folder(folder)[b"EXISTS"] == 3
        assert client.search(["SUBJECT", f"{folder} 2"]) == [2]
        assert client.search(["SUBJECT", "Grüße"], "UTF-8") == []
        envelope = client.fetch([2], ["ENVELOPE", "BODYSTRUCTURE", "FLAGS"])[2][b"ENVELOPE"]
        assert envelope.subject == f"{folder} 2".encode()
        assert client.add_flags([2], [imapclient.FLAGGED]) == {2: (imapclient.FLAGGED, imapclient.RECENT)}
        assert client.sort("REVERSE DATE") and client.thread()
        client.move([2], "Trash")
        assert client.search() == [1, 3]
        client.create_folder("Käse & Wein")
        assert "Käse & Wein" in [name for _, _, name in client.list_folders()]
        client.idle()
        with imap(daemon, folder=None) as other:
            other.append(folder, None, None, text("news"))
        heard = client.idle_check(timeout=PATIENCE)
        client.idle_done()
        assert (3, b"EXISTS") in heard


def test_imap_tools(daemon, folder):
    imap_tools = pytest.importorskip("imap_tools", reason="imap-tools is not installed")
    box = imap_tools.MailBox("localhost", daemon.ports["imaps"], timeout=PATIENCE, ssl_context=tls(daemon))
    with box.login(BOB, PASSWORDS[BOB], initial_folder=folder) as mailbox:
        assert [message.subject for message in mailbox.fetch()] == [f"{folder} {number}" for number in (1, 2, 3)]
        uids = mailbox.uids(imap_tools.AND(subject=f"{folder} 3"))
        mailbox.flag(uids, imap_tools.MailMessageFlags.FLAGGED, True)
        assert [message.uid for message in mailbox.fetch(imap_tools.AND(flagged=True))] == uids
        mailbox.move(uids, "Archive")
        assert mailbox.folder.status(folder)["MESSAGES"] == 2
        mailbox.append(text("by imap-tools"), folder, flag_set=[imap_tools.MailMessageFlags.SEEN])
        assert mailbox.folder.exists(folder)
        assert mailbox.delete(mailbox.uids("SEEN"))


def test_aioimaplib(daemon, folder):
    aioimaplib = pytest.importorskip("aioimaplib", reason="aioimaplib is not installed")

    async def talk():
        client = aioimaplib.IMAP4_SSL("localhost", daemon.ports["imaps"], timeout=PATIENCE, ssl_context=tls(daemon))
        await client.wait_hello_from_server()
        assert (await client.login(BOB, PASSWORDS[BOB])).result == "OK"
        assert (await client.select(folder)).result == "OK"
        found = await client.uid_search("ALL")
        assert found.lines[0] == b"1 2 3"
        fetched = await client.uid("fetch", "2", "(FLAGS BODY.PEEK[])")
        assert f"Subject: {folder} 2".encode() in b"".join(fetched.lines)
        idle = await client.idle_start(timeout=PATIENCE)
        await asyncio.to_thread(deliver)
        pushed = await client.wait_server_push(timeout=PATIENCE)
        client.idle_done()
        await asyncio.wait_for(idle, PATIENCE)
        assert b"4 EXISTS" in pushed
        assert (await client.logout()).result == "OK"

    def deliver():
        with imap(daemon, folder=None) as other:
            other.append(folder, None, None, text("news"))

    asyncio.run(talk())


@pytest.mark.needs("perl")
def test_mail_imapclient(daemon, program, folder):
    if subprocess.run([program, "-MMail::IMAPClient", "-e", "1"], capture_output=True, check=False).returncode:
        pytest.skip("Mail::IMAPClient is not installed")
    script = private_file(
        daemon,
        "client.pl",
        f"""use strict; use Mail::IMAPClient;
my $c = Mail::IMAPClient->new(Server => 'localhost', Port => {daemon.ports["imaps"]}, User => '{BOB}',
    Password => '{PASSWORDS[BOB]}', Uid => 1, Peek => 1, Timeout => {PATIENCE},
    Ssl => [SSL_ca_file => '{daemon.ca}']) or die "login: $@";
$c->select('{folder}') or die $c->LastError;
die 'count' unless $c->message_count == 3;
my @found = $c->search('SUBJECT', '{folder} 2'); die "search @found" unless "@found" eq '2';
die 'subject' unless $c->subject(2) eq '{folder} 2';
die 'body' unless $c->body_string(2) =~ /Hello/;
my $structure = $c->get_bodystructure(2) or die 'structure'; die 'type' unless lc $structure->bodytype eq 'text';
my $envelope = $c->get_envelope(2) or die 'envelope';
$c->append_string('{folder}', "Subject: by perl\\r\\n\\r\\nHi.\\r\\n", '\\\\Seen') or die $c->LastError;
$c->move('Trash', 2) or die $c->LastError; $c->expunge;
die 'left ' . join(' ', $c->messages) unless join(' ', $c->messages) eq '1 3 4';
my $hash = $c->fetch_hash('FLAGS'); die 'flags' unless $hash->{{4}}{{FLAGS}} =~ /Seen/;
$c->logout; print "done\\n";
""",
    )
    assert call(program, script, daemon=daemon).strip().endswith("done")


@pytest.mark.needs("offlineimap")
def test_offlineimap(daemon, program, folder):
    local = daemon.folder / "offline"
    settings = private_file(
        daemon,
        "offlineimaprc",
        f"""[general]
accounts = bob
metadata = {daemon.folder}/offline-state
[Account bob]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {local}
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {daemon.ports["imaps"]}
remoteuser = {BOB}
remotepass = {PASSWORDS[BOB]}
sslcacertfile = {daemon.ca}
folderfilter = lambda name: name == '{folder}'
""",
    )
    call(program, "-o", "-c", settings, daemon=daemon)
    (found,) = local.glob("*offlineimap*")
    files = [*found.glob("new/*"), *found.glob("cur/*")]
    assert len(files) == 3
    files[0].unlink()
    call(program, "-o", "-c", settings, daemon=daemon)
    with imap(daemon, folder=folder) as client:
        _, left = client.uid("SEARCH", "UNDELETED")
        assert len(left[0].split()) == 2


IMAPFLOW = """
const { ImapFlow } = require('imapflow');
(async () => {
  const [port, user, pass, folder, ca] = JSON.parse(process.argv[2]);
  const client = new ImapFlow({ host: 'localhost', port, secure: true, auth: { user, pass }, logger: false,
    tls: { ca: require('fs').readFileSync(ca) } });
  await client.connect();
  const lock = await client.getMailboxLock(folder);
  const subjects = [];
  for await (const message of client.fetch('1:*', { envelope: true, bodyStructure: true, flags: true }))
    subjects.push(message.envelope.subject);
  const found = await client.search({ subject: folder + ' 2' }, { uid: true });
  await client.messageFlagsAdd({ uid: '2' }, ['\\\\Flagged']);
  await client.messageMove('2', 'Trash', { uid: true });
  const added = await client.append(folder, 'Subject: by imapflow\\r\\n\\r\\nHi.\\r\\n', ['\\\\Seen']);
  const status = await client.status(folder, { messages: true, unseen: true });
  lock.release();
  await client.logout();
  console.log(JSON.stringify({ subjects, found, uid: added.uid, status }));
})().catch((fault) => { console.error(fault); process.exit(1); });
"""


@pytest.mark.needs("node")
def test_imapflow(daemon, program, folder):
    """npm's imapflow, from the global modules or from where NODE_PATH says."""
    npm = shutil.which("npm")
    root = call(npm, "root", "-g", daemon=daemon).strip() if npm else ""
    env = {"NODE_PATH": root}
    if subprocess.run([program, "-e", "require('imapflow')"], capture_output=True, check=False, env=env).returncode:
        pytest.skip("imapflow is not installed")
    script = private_file(daemon, "flow.js", IMAPFLOW)
    given = json.dumps([daemon.ports["imaps"], BOB, PASSWORDS[BOB], folder, str(daemon.ca)])
    ran = subprocess.run([program, script, given], capture_output=True, check=False, env=env, timeout=PATIENCE)
    assert ran.returncode == 0, ran.stderr.decode()
    said = json.loads(ran.stdout)
    assert said["subjects"] == [f"{folder} {number}" for number in (1, 2, 3)]
    assert said["found"] == [2]
    assert said["uid"] == 4
    assert (said["status"]["messages"], said["status"]["unseen"]) == (3, 2)


def test_notify_reaches_a_client_without_a_command(daemon, folder):
    """RFC 5465: mail that comes over SMTP is told as STATUS while nothing is asked."""
    with imap(daemon, folder=folder) as client:
        client.send(b"n1 NOTIFY SET (selected (MessageNew MessageExpunge)) (inboxes (MessageNew MessageExpunge))\r\n")
        while not client.readline().startswith(b"n1 OK"):
            pass
        send(daemon, [BOB], text("by notify"))
        assert client.readline().startswith(b"* STATUS INBOX (MESSAGES ")
