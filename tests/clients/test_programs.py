"""swaks, curl, msmtp, fetchmail and getmail, each as a person would call it."""

import os
import subprocess

import pytest

from tests.clients.daemon import PASSWORDS, PATIENCE
from tests.clients.mail import send, subjects, text

ALICE = "alice@demo.test"
BOB = "bob@demo.test"


def call(*command, daemon, stdin=b"", status=0, **environment):
    """Run a program in a folder of its own; its output."""
    home = daemon.folder / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [str(word) for word in command],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
        env={**os.environ, "HOME": str(home), "SSL_CERT_FILE": daemon.ca, **environment},
        timeout=PATIENCE,
        check=False,
    )
    output = done.stdout.decode("utf-8", "replace")
    assert done.returncode == status, f"{command[0]}: exit status {done.returncode}\n{output}"
    return output


def private_file(daemon, name, content):
    path = daemon.folder / name
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
    return path


# --- swaks: every kind of login ------------------------------------------------------------------------------


@pytest.mark.needs("swaks")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize(("listener", "how"), [("submission", "--tls"), ("submissions", "--tls-on-connect")])
def test_swaks_submits(daemon, program, mechanism, listener, how):
    subject = f"swaks {mechanism} {listener}"
    login = ["--auth", mechanism, "--auth-user", ALICE, "--auth-password", PASSWORDS[ALICE]]
    call(
        *(program, "--server", "localhost", "--port", daemon.ports[listener], how, "--tls-verify"),
        *("--tls-ca-path", daemon.ca, *login, "--from", ALICE, "--to", BOB, "--header", f"Subject: {subject}"),
        daemon=daemon,
    )
    assert subject in subjects(daemon)


@pytest.mark.needs("swaks")
def test_swaks_is_told_that_this_is_no_relay(daemon, program):
    output = call(
        *(program, "--server", "localhost", "--port", daemon.ports["smtp"], "--from", "a@x.test", "--to", "b@y.test"),
        daemon=daemon,
        status=24,  # no recipient was accepted
    )
    assert "550 5.7.1" in output


@pytest.mark.needs("swaks")
def test_swaks_pipelines(daemon, program):
    call(
        *(program, "--server", "localhost", "--port", daemon.ports["smtp"], "--pipeline", "--from", "a@x.test"),
        *("--to", f"{BOB},{ALICE}", "--header", "Subject: pipelined"),
        daemon=daemon,
    )
    assert "pipelined" in subjects(daemon)
    assert "pipelined" in subjects(daemon, ALICE)


# --- curl: three protocols --------------------------------------------------------------------------------------


def curl(daemon, program, *arguments, account=BOB, **more):
    login = private_file(daemon, "curlrc", f'user = "{account}:{PASSWORDS[account]}"\n')
    return call(
        program, "--silent", "--show-error", "--cacert", daemon.ca, "--config", login, *arguments, daemon=daemon, **more
    )


@pytest.mark.needs("curl")
def test_curl_sends(daemon, program):
    message = private_file(daemon, "message.eml", text("by curl").decode())
    url = f"smtp://localhost:{daemon.ports['submission']}"
    curl(
        daemon,
        program,
        "--ssl-reqd",
        url,
        "--mail-from",
        ALICE,
        "--mail-rcpt",
        BOB,
        "--upload-file",
        message,
        account=ALICE,
    )
    assert "by curl" in subjects(daemon)


@pytest.mark.needs("curl")
def test_curl_reads_pop3(daemon, program):
    send(daemon, [BOB], text("for curl pop3"))
    for url, tls in (("pop3", ["--ssl-reqd"]), ("pop3s", [])):
        listed = curl(daemon, program, *tls, f"{url}://localhost:{daemon.ports[url]}/")
        newest = listed.split()[-2]
        assert "Subject: for curl pop3" in curl(
            daemon, program, *tls, f"{url}://localhost:{daemon.ports[url]}/{newest}"
        )


@pytest.mark.needs("curl")
def test_curl_reads_imap(daemon, program):
    send(daemon, [BOB], text("for curl imap"))
    for url, tls in (("imap", ["--ssl-reqd"]), ("imaps", [])):
        base = f"{url}://localhost:{daemon.ports[url]}"
        found = curl(daemon, program, *tls, f"{base}/INBOX?SUBJECT%20%22for%20curl%20imap%22")
        number = found.split()[-1]
        assert "Subject: for curl imap" in curl(daemon, program, *tls, f"{base}/INBOX;MAILINDEX={number}")
    assert "INBOX" in curl(daemon, program, f"imaps://localhost:{daemon.ports['imaps']}/")


@pytest.mark.needs("curl")
def test_curl_appends(daemon, program):
    message = private_file(daemon, "append.eml", text("appended by curl").decode())
    curl(daemon, program, "--upload-file", message, f"imaps://localhost:{daemon.ports['imaps']}/Drafts")
    assert "appended by curl" in subjects(daemon, folder="Drafts")


# --- msmtp, fetchmail, getmail ------------------------------------------------------------------------------------


@pytest.mark.needs("msmtp")
def test_msmtp_sends(daemon, program):
    settings = private_file(
        daemon,
        "msmtprc",
        f"account default\nhost localhost\nport {daemon.ports['submission']}\nfrom {ALICE}\nauth on\n"
        f"user {ALICE}\npassword {PASSWORDS[ALICE]}\ntls on\ntls_starttls on\ntls_trust_file {daemon.ca}\n",
    )
    call(program, "-C", settings, BOB, daemon=daemon, stdin=text("by msmtp"))
    assert "by msmtp" in subjects(daemon)


@pytest.mark.needs("fetchmail")
@pytest.mark.parametrize("protocol", ["pop3", "imap"])
def test_fetchmail_takes_the_mail_away(daemon, program, protocol):
    account = ALICE if protocol == "pop3" else BOB
    subject = f"for fetchmail by {protocol}"
    send(daemon, [account], text(subject))
    mailbox = daemon.folder / f"fetched-{protocol}"
    settings = private_file(
        daemon,
        f"fetchmailrc-{protocol}",
        f"poll localhost protocol {protocol} port {daemon.ports[protocol]} auth password\n"
        f'  user "{account}" password "{PASSWORDS[account]}" fetchall no keep\n'
        f'  sslproto "TLS1.2+" sslcertck sslcertfile "{daemon.ca}" sslcommonname "localhost"\n'
        f"  mda \"/bin/sh -c 'cat >> {mailbox}'\"\n",
    )
    call(program, "--fetchmailrc", settings, "--nodetach", "--pidfile", daemon.folder / "fetchmail.pid", daemon=daemon)
    assert f"Subject: {subject}" in mailbox.read_text(encoding="utf-8")
    assert subjects(daemon, account) == []


@pytest.mark.needs("getmail")
def test_getmail_fetches_once(daemon, program):
    send(daemon, [BOB], text("for getmail"))
    got = daemon.folder / "got"
    settings = private_file(
        daemon,
        "getmailrc",
        f"[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = {daemon.ports['pop3s']}\n"
        f"username = {BOB}\npassword = {PASSWORDS[BOB]}\nca_certs = {daemon.ca}\n\n"
        f'[destination]\ntype = MDA_external\npath = /bin/sh\narguments = ("-c", "cat >> {got}")\n'
        "allow_root_commands = true\n\n[options]\nread_all = false\ndelete = false\n",
    )
    for _ in range(2):
        call(program, "--getmaildir", daemon.folder, "--rcfile", settings, daemon=daemon)
    assert got.read_text(encoding="utf-8").count("Subject: for getmail") == 1
