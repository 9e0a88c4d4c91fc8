"""What is fuzzed: name → a function that takes any octets and raises when a promise is broken.

To add one: a function, a row in TARGETS, some seeds in `corpus/<name>/`.  `make fuzz` runs each of them under
atheris and keeps what it finds new in the corpus; `test_corpus` plays the corpus in every test run.
"""

from mailstack.smtp.stuffing import DotStuffer
from mailstack.smtp.values import BareLineEnds, SmtpLimits
from tests.smtp.world import Talk, codes

LIMITS = SmtpLimits(message_octets=64 * 1024, drained_octets=256 * 1024, bad_commands=1000, errors=1000)
ENVELOPE = ("EHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<c@demo.test>")
WAYS = ("refuse", "normalise", "bdat", "binary")
REFUSED = {"550", "552", "554"}


def smtp(data):
    """Any stream, cut anywhere, on any kind of listener: well-formed replies, and nothing is left behind."""
    kind, step, stream = data[:1], data[1:2], data[2:]
    which, step = (kind or b"\0")[0], 1 + (step or b"\xff")[0]
    talk = Talk(submission=bool(which & 1), tls=bool(which & 2), lmtp=which & 12 == 12, limits=LIMITS)
    for at in range(0, len(stream), step):
        for line in talk.say(raw=stream[at : at + step]):
            assert line[:3].isdigit(), line
            assert line[3:4] in {" ", "-"}, line
            assert line.isprintable(), line
    talk.engine.receive_eof()
    talk.pump()
    talk.session.lost("gone")
    assert all(staged.discarded for staged in talk.flow.staged)


def smtp_body(data):
    """Whatever a message is made of, none of it is a command: one answer, then NOOP's, then QUIT's.

    The first octet says by which way the message goes, the second where it is cut.
    """
    way, step, body = WAYS[(data[:1] or b"\0")[0] % len(WAYS)], 1 + (data[1:2] or b"\xff")[0], data[2:]
    no_command_within(body, way, step)


def no_command_within(body, way, step):
    talk = Talk(limits=LIMITS, bare_line_ends=BareLineEnds.NORMALISE if way == "normalise" else BareLineEnds.REFUSE)
    envelope = (ENVELOPE[0], ENVELOPE[1] + " BODY=BINARYMIME" * (way == "binary"), ENVELOPE[2])
    assert codes(talk.say(*envelope)) == ["250"] * 3
    if way in {"bdat", "binary"}:
        sent = b"BDAT %d LAST\r\n" % len(body) + body
    else:
        assert codes(talk.say("DATA")) == ["354"]
        stuffer = DotStuffer()
        sent = stuffer.stuff(body) + stuffer.end()
    sent += b"NOOP\r\nQUIT\r\n"
    said = [line for at in range(0, len(sent), step) for line in talk.say(raw=sent[at : at + step])]
    first, *rest = codes(said)
    assert rest == ["250", "221"], said
    assert talk.closed
    if first != "250":
        assert first in REFUSED, said
        assert not talk.flow.taken
        return
    ((_, stored),) = talk.flow.taken
    if way == "normalise":
        assert stored.replace(b"\r\n", b"").find(b"\n") < 0
        assert stored.replace(b"\r\n", b"").find(b"\r") < 0
    elif way == "refuse":
        assert stored == (body if body.endswith(b"\r\n") or not body else body + b"\r\n")
    else:
        assert stored == body


TARGETS = {"smtp": smtp, "smtp_body": smtp_body}
