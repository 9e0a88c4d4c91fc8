"""The daemon as a process: ready, reload, stop, crash, socket activation, dropped privileges."""

import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from mailstack.tls.authority import make_certificate
from tests.clients.daemon import BIN, PATIENCE, Daemon
from tests.clients.mail import imap, send, subjects, text, wait_until

pytestmark = [pytest.mark.daemon, pytest.mark.xdist_group("daemon")]
BOB = "bob@demo.test"


@pytest.fixture
def daemon(tmp_path):
    running = Daemon(tmp_path / "daemon")
    yield running
    running.kill()


def test_what_was_acknowledged_is_there_after_kill_9(daemon):
    for number in range(20):
        send(daemon, [BOB], text(f"before {number}"))
    daemon.kill()
    daemon.start()
    assert subjects(daemon) == [f"before {number}" for number in range(20)]
    send(daemon, [BOB], text("after"))
    assert subjects(daemon)[-1] == "after"


def test_a_queued_message_survives_kill_9(daemon):
    send(daemon, ["carol@elsewhere.test"], text("queued", recipient="carol@elsewhere.test"))
    daemon.kill()
    assert "carol@elsewhere.test" in daemon.run("queue", "list")  # on the files
    daemon.start()
    assert "carol@elsewhere.test" in daemon.run("queue", "list")  # from the server
    daemon.run("queue", "drop", "--yes", "elsewhere.test")
    assert "carol" not in daemon.run("queue", "list")


def test_the_index_can_be_lost(daemon):
    send(daemon, [BOB], text("one"))
    send(daemon, [BOB], text("two"))
    with imap(daemon) as client:
        client.store("2", "+FLAGS", r"(\Flagged $label1)")
        before = client.response("UIDVALIDITY")
    daemon.stop()
    for file in (daemon.folder / "state").glob("index.sqlite*"):
        file.unlink()
    daemon.start()
    with imap(daemon) as client:
        assert client.fetch("1:*", "(UID FLAGS)")[1] == [b"1 (UID 1 FLAGS ())", rb"2 (UID 2 FLAGS (\Flagged $label1))"]
        assert client.response("UIDVALIDITY") == before


def test_mail_copied_in_by_hand_is_announced(daemon):
    send(daemon, [BOB], text("template"))
    box = daemon.folder / "state/mail/demo.test/bob"
    with imap(daemon) as client:
        client.send(b"i IDLE\r\n")
        assert client.readline().startswith(b"+")
        (box / "new" / "1.from.elsewhere").write_bytes(text("by cp"))
        assert b"2 EXISTS" in client.readline()
        client.send(b"DONE\r\n")
        while not client.readline().startswith(b"i "):
            pass
    assert subjects(daemon) == ["template", "by cp"]


def test_a_good_reload_holds_for_new_connections(daemon):
    config = daemon.config.read_text(encoding="utf-8")
    daemon.config.write_text(config + "\n[limits]\nmessage_size = '1MiB'\n", encoding="utf-8")
    daemon.process.send_signal(signal.SIGHUP)
    assert "limits.message_size" in daemon.wait_for("reloaded")["changes"]
    with smtplib.SMTP("localhost", daemon.ports["smtp"], timeout=PATIENCE) as smtp:
        smtp.ehlo()
        assert smtp.esmtp_features["size"] == str(1 << 20)
    daemon.stop()


def test_a_new_certificate_is_named_and_served(daemon):
    assert "nothing has changed" in daemon.run("reload")
    make_certificate(daemon.folder, ["new.demo.test"], valid_for=timedelta(days=9))
    assert "server.pem: for new.demo.test" in daemon.run("reload")
    send(daemon, [BOB], text("under the new certificate"))


def test_a_faulty_reload_is_refused_and_named(daemon):
    good = daemon.config.read_text(encoding="utf-8")
    daemon.config.write_text(good.replace("[dns]", "[dsn]"), encoding="utf-8")
    daemon.process.send_signal(signal.SIGHUP)
    assert "dns" in daemon.wait_for("reload_refused")["faults"]
    done = daemon.run("config", "check", check=False)
    assert done.returncode == 1
    assert "did you mean" in done.stdout or "dns" in done.stdout
    daemon.config.write_text(good, encoding="utf-8")
    assert "Reloaded" in daemon.run("reload")
    send(daemon, [BOB], text("still here"))


def test_status_tells_where_it_listens(daemon):
    told = daemon.run("status")
    assert f"127.0.0.1:{daemon.ports['imaps']}" in told
    assert "demo.test" in told


def test_stop_lets_a_transfer_end(daemon):
    with smtplib.SMTP("localhost", daemon.ports["smtp"], timeout=PATIENCE) as smtp:
        smtp.ehlo()
        smtp.mail("far@elsewhere.test")
        smtp.rcpt(BOB)
        smtp.docmd("DATA")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for("stopping")
        smtp.send(text("during the stop") + b"\r\n.\r\n")
        assert smtp.getreply()[0] == 250
        assert smtp.getreply()[0] == 421
    daemon.process.wait(PATIENCE)
    daemon.kill()
    daemon.start()
    assert subjects(daemon) == ["during the stop"]


def test_a_second_server_on_the_same_state_says_so(daemon):
    done = subprocess.run(
        [BIN / "twistd", "-n", "--pidfile=", "mailstack", "--config", daemon.config],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=daemon.folder,
    )
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("mailstack:")]
    assert "Another process has the store" in line
    assert "Traceback" not in done.stderr + done.stdout


def test_a_taken_port_is_one_line(daemon, tmp_path):
    config = tmp_path / "second.toml"
    taken = daemon.ports["imaps"]
    text_ = daemon.config.read_text(encoding="utf-8").replace(str(daemon.folder / "state"), str(tmp_path / "state"))
    head, _, tail = text_.partition("[listeners.imaps]")
    config.write_text(head + "[listeners.imaps]" + tail.replace(":0", f":{taken}", 1), encoding="utf-8")
    done = subprocess.run(
        [BIN / "twistd", "-n", "--pidfile=", "mailstack", "--config", config],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert f"listener imaps cannot listen on 127.0.0.1:{taken}" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_faulty_configuration_is_all_its_faults_and_no_traceback(tmp_path):
    config = tmp_path / "bad.toml"
    config.write_text('hostnam = "x"\n[limits]\nerrors = 0\n', encoding="utf-8")
    done = subprocess.run(
        [BIN / "twistd", "-n", "--pidfile=", "mailstack", "--config", config],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert f"{config}:hostnam:" in done.stderr
    assert f"{config}:limits.errors:" in done.stderr
    assert "Traceback" not in done.stderr


def test_ready_is_told_to_systemd(daemon, tmp_path):
    daemon.stop()
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(address)
        notified.settimeout(PATIENCE)
        daemon.extra = {"NOTIFY_SOCKET": address}
        daemon.start()
        assert b"READY=1" in notified.recv(1000)
        daemon.process.send_signal(signal.SIGHUP)
        assert b"RELOADING=1" in notified.recv(1000)
        assert b"READY=1" in notified.recv(1000)
        daemon.stop()
        assert b"STOPPING=1" in notified.recv(1000)


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd-socket-activate is not installed")
def test_socket_activation(daemon):
    daemon.stop()
    port = daemon.ports["smtp"]
    head, _, tail = daemon.config.read_text(encoding="utf-8").partition("[listeners.smtp]")
    daemon.config.write_text(head + "[listeners.smtp]" + tail.replace(":0", f":{port}", 1), encoding="utf-8")
    daemon.prefix = ["systemd-socket-activate", "--listen", f"127.0.0.1:{port}", f"--setenv=PATH={os.environ['PATH']}"]
    daemon.start(wait=False)

    def knock():
        try:
            return socket.create_connection(("127.0.0.1", port), PATIENCE)
        except ConnectionRefusedError:
            return None

    knocked = []
    wait_until(lambda: knocked.append(knock()) or knocked[-1] is not None, "the activated socket")
    with knocked[-1] as early:  # the first connection starts the server, and is served by it
        early.settimeout(PATIENCE)
        assert early.recv(1000).startswith(b"220 ")
    daemon.wait_for("ready")
    daemon.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="dropping root needs root")
def test_root_binds_and_is_dropped():
    nobody = pwd.getpwnam("nobody")
    folder = Path(tempfile.mkdtemp(prefix="mailstack-test-"))
    folder.chmod(0o755)
    running = None
    try:
        running = Daemon(folder / "daemon")
        running.stop()
        shutil.rmtree(folder / "daemon/state")
        (folder / "daemon/state").mkdir()
        shutil.chown(folder / "daemon/state", nobody.pw_uid, nobody.pw_gid)
        (folder / "daemon").chmod(0o755)  # whatever the umask is
        running.twistd = ["--uid", str(nobody.pw_uid), "--gid", str(nobody.pw_gid)]
        running.start()
        status = Path(f"/proc/{running.process.pid}/status").read_text(encoding="utf-8")
        assert f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}\t" in status
        running.stop()
        # root's own commands, with the server down, leave nothing behind that it could not open
        running.run("domain", "add", "demo.test")
        running.run("account", "add", "alice@demo.test", "--password-stdin", stdin="alice-secret-1\n")
        made = list((folder / "daemon/state").rglob("*"))
        assert made
        assert {file.stat().st_uid for file in made} == {nobody.pw_uid}
        assert {file.stat().st_mode & 0o077 for file in made if file.is_file()} == {0}
        running.start()
        running.stop()
    finally:
        if running is not None:
            running.kill()
        shutil.rmtree(folder)
