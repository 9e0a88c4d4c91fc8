"""/metrics, /health and the status of the real daemon."""

import json
import urllib.error
import urllib.request

import pytest

from mailstack.app.measuring import why_not_ready
from tests.clients.daemon import PATIENCE, Daemon
from tests.clients.mail import send, text
from tests.sessions.world import World

BOB = "bob@demo.test"


def get(daemon, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{daemon.ports['http']}{path}", timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


@pytest.mark.daemon
@pytest.mark.xdist_group("daemon")
def test_the_daemon_measures(tmp_path):
    daemon = Daemon(tmp_path / "daemon", more='[http]\naddress = ["127.0.0.1:0"]\n')
    try:
        send(daemon, [BOB], text("one"))
        send(daemon, ["x@elsewhere.test"], text("two", recipient="x@elsewhere.test"))
        status, metrics = get(daemon, "/metrics")
        assert status == 200
        lines = metrics.splitlines()
        assert "mailstack_deliveries_total 1.0" in lines
        assert "mailstack_queue_messages 1.0" in lines
        assert "mailstack_store_degraded 0.0" in lines
        assert any(line.startswith("mailstack_commit_batch_jobs_count ") for line in lines)
        assert any(line.startswith('mailstack_messages_accepted_total{listener="') for line in lines)
        assert get(daemon, "/health/live")[0] == 200
        assert json.loads(get(daemon, "/health/ready")[1]) == {"ready": True, "reasons": []}
        assert get(daemon, "/")[0] == 404
        told = json.loads(daemon.run("status", "--json"))
        assert told["counts"]["deliveries"] == 1
        assert told["store"] == "takes mail"
        assert sum(told["queue_states"].values()) == 1
        assert "1 delivered here" in daemon.run("status")
    finally:
        daemon.stop()


@pytest.mark.daemon
@pytest.mark.xdist_group("daemon")
def test_a_taken_port_ends_the_start_with_one_line(tmp_path):
    daemon = Daemon(tmp_path / "daemon", accounts={})
    try:
        daemon.stop()
        other = Daemon(tmp_path / "other", accounts={})
        taken = other.ports["smtp"]
        daemon.config.write_text(
            daemon.config.read_text("utf-8") + f'[http]\naddress = ["127.0.0.1:{taken}"]\n', "utf-8"
        )
        daemon.start(wait=False)
        assert daemon.process.wait(PATIENCE) == 1
        assert f"http.address 127.0.0.1:{taken}: Address already in use" in daemon.stderr()
        other.stop()
    finally:
        daemon.kill()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, "smtp")
    yield made
    made.close()


def test_why_it_is_not_ready(world, monkeypatch):
    parts = world.parts
    assert why_not_ready(parts, (), running=True) == []
    monkeypatch.setattr(type(parts.store), "trouble", "I/O error")
    assert why_not_ready(parts, (), running=False) == ["the server stops", "no mail is taken: I/O error"]
