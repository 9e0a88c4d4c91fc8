"""However the octets are cut, the same happens; and no octets do harm."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from mailstack.smtp.values import SmtpLimits
from tests.fuzz.targets import WAYS, no_command_within
from tests.smtp.world import Talk

STREAM = (
    b"EHLO x\r\nMAIL FROM:<a@b.test> SIZE=9\r\nRCPT TO:<c@demo.test>\r\nRCPT TO:<bad\r\nDATA\r\n"
    b"Subject: x\r\n\r\n..dot\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@demo.test>\r\nDATA\r\nbare\nend\r\n.\r\n"
    b"FOO\r\nNOOP " + b"x" * 3000 + b"\r\nMAIL FROM:<>\r\nDATA\r\nRSET\r\nMAIL FROM:<a@b.test>\r\n"
    b"BDAT 6\r\nRSET\r\nRCPT TO:<c@demo.test>\r\nBDAT 4\r\n..\r\nBDAT 2 LAST\r\n\r\n"
    b"MAIL FROM:<>\r\nRCPT TO:<c@demo.test>\r\nBDAT 6\r\na\nb\r\n\rBDAT 3 LAST\r\n.\r\nMAIL FROM:<a@b.test>\r\n"
    b"RCPT TO:<c@demo.test>\r\nDATA\r\n.\r\nVRFY x\r\nQUIT\r\nNOOP\r\n"
)


def replay(chunks):
    talk = Talk()
    said = []
    for chunk in chunks:
        said += talk.say(raw=chunk)
    return said, [message for _mail, message in talk.flow.taken], talk.closed


WHOLE = replay([STREAM])


def test_the_stream_does_what_it_should():
    said, messages, closed = WHOLE
    assert messages == [b"Subject: x\r\n\r\n.dot\r\n", b"..\r\n\r\n", b""]
    assert closed
    assert said[-1].startswith("221 ")


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_chunking_never_matters(cuts):
    edges = [0, *sorted(cuts), len(STREAM)]
    assert replay([STREAM[a:b] for a, b in itertools.pairwise(edges)]) == WHOLE


def test_octet_by_octet():
    assert replay([STREAM[i : i + 1] for i in range(len(STREAM))]) == WHOLE


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"QUIT", b"BDAT 9"]) | st.binary(), max_size=20), st.data()
)
def test_however_a_message_is_cut_into_bdats(words, data):
    """The same message or the same refusal, and no octet of it is a command."""
    message = b"".join(words)
    cuts = data.draw(st.lists(st.integers(0, len(message)), max_size=6))
    edges = [0, *sorted(cuts), len(message)]
    parts = [message[a:b] for a, b in itertools.pairwise(edges)]
    envelope = b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@demo.test>\r\n"

    def sent(parts):
        chunks = [b"BDAT %d%s\r\n%b" % (len(p), b" LAST" * (n == len(parts)), p) for n, p in enumerate(parts, 1)]
        said, taken, closed = replay([envelope + b"".join(chunks) + b"NOOP\r\n"])
        assert said.pop() == "250 2.0.0 OK"
        assert not closed
        return [line for line in said if line[:3] == "550"], taken

    assert sent(parts) == sent([message])


LONG = b"<long>"  # stands for many octets: Hypothesis warns of examples that are too long to print


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"\r\n.", b"\n.\n", b"\0", b"QUIT\r\n", b"BDAT 9 LAST\r\n", LONG])
        | st.binary(max_size=30),
        max_size=20,
    ),
    st.sampled_from(WAYS),
    st.integers(1, 300),
)
def test_no_octet_of_a_body_is_a_command(words, way, step):
    """By DATA and BDAT, refused, mended or binary, wherever it is cut: one answer, and then the next command's."""
    body = b"".join(words).replace(LONG, b"x" * 70000, 1).replace(LONG, b"x" * 2000)
    no_command_within(body, way, max(step, len(body) // 500))


WORDS = st.sampled_from(
    [
        b"EHLO x\r\n",
        b"MAIL FROM:<a@b>\r\n",
        b"MAIL FROM:<a@b> SIZE=99999999999\r\n",
        b"RCPT TO:<c@d>\r\n",
        b"DATA\r\n",
        b".\r\n",
        b"\r\n.\r\n",
        b"RSET\r\n",
        b"BDAT 3\r\n",
        b"BDAT 3 LAST\r\n",
        b"BDAT 0 LAST\r\n",
        b"BDAT 99999999\r\n",
        b"BDAT x\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH LOGIN eA==\r\n",
        b"*\r\n",
        b"eA==\r\n",
        b"STARTTLS\r\n",
        b"\n",
        b"\x00",
        b"text",
        b"x" * 3000,
    ]
)


@settings(max_examples=300)
@given(st.lists(WORDS | st.binary(max_size=20), max_size=40), st.booleans(), st.booleans())
def test_no_octets_do_harm(words, submission, tls):
    """No exception, every reply line well-formed, and one final line for each reply."""
    talk = Talk(submission=submission, tls=tls, limits=SmtpLimits(message_octets=200, drained_octets=4000))
    for word in words:
        for line in talk.say(raw=word):
            assert line[:3].isdigit()
            assert line[3] in " -"
            assert line.isprintable()
    assert all(staged.discarded for staged in talk.flow.staged[:-1])
    talk.engine.receive_eof()
    talk.pump()
    talk.session.lost("gone")
    assert all(staged.discarded for staged in talk.flow.staged)
