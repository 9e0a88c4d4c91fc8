"""kill -9 while mail is relayed, at every step of the dialogue: nothing is lost, and what may be there twice is known.

The other server sees how far the relay has come, so it is the one that has it killed.
"""

import subprocess
import sys
from collections import Counter

import pytest

from tests.fakes.dnsserver import DnsServer
from tests.fakes.smtpsink import SILENT, Sink
from tests.fakes.spin import spinning

ZONE = ["t.test. 60 IN MX 10 mx.t.test.", "mx.t.test. 60 IN A 127.0.0.1"]
MESSAGES = 3


class KillingSink(Sink):
    """At the verb it kills the client; `before`: and the client has no answer."""

    kill = None

    def __init__(self, reactor, verb, *, before):
        super().__init__(reactor)
        self.verb, self.before, self.killed = verb, before, False

    def does(self, *verbs):
        if self.verb not in verbs or self.killed:
            return super().does(*verbs)
        self.killed = True
        self.kill()
        return SILENT if self.before else super().does(*verbs)


@pytest.mark.parametrize("before", [True, False], ids=["before the answer", "with the answer"])
@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
def test_nothing_is_lost(tmp_path, verb, before):
    with spinning() as spin:
        sink, dns = KillingSink(spin.reactor, verb, before=before), DnsServer(spin.reactor, ZONE)
        command = [sys.executable, "-m", "tests.faults.relaying", str(tmp_path), str(dns.port), str(sink.port)]
        children = []

        def start(*more):
            children.append(subprocess.Popen([*command, *more], stdout=subprocess.PIPE))

        try:
            start(str(MESSAGES))
            sink.kill = children[-1].kill
            spin.until(lambda: sink.killed, 30)
            children[0].wait()
            assert children[0].stdout.read() == b"queued\n"
            start()
            expected = {f"RCPT TO:<{who}{number}@t.test>" for number in range(MESSAGES) for who in ("one", "two")}
            spin.until(lambda: expected <= {line for _, lines, _ in sink.mails for line in lines}, 30)
        finally:
            for child in children:
                child.kill()
                child.wait()
                child.stdout.close()
            spin.until(lambda: not sink.busy)
            sink.stop()
            dns.stop()
        times = Counter(line for _, lines, _ in sink.mails for line in lines)
        twice = {line for line, count in times.items() if count > 1}
        assert twice == ({"RCPT TO:<one0@t.test>", "RCPT TO:<two0@t.test>"} if verb == "DOT" else set())
        assert all(octets.endswith(b"body\r\n" * 20_000) for _, _, octets in sink.mails)
