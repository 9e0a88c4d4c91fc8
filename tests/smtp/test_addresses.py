"""What becomes of every form of address that a client may say, and with which code the bad ones are refused."""

import pytest

from mailstack.base.engine import Peer
from mailstack.flow.api import Arriving
from mailstack.flow.settings import FlowSettings
from mailstack.flow.tracing import final_lines, received_line
from mailstack.queue.api import Recipient
from tests.flow.world import MOMENT
from tests.smtp.world import Talk, codes

LONG_LABEL = "l" * 63
LONG_DOMAIN = ".".join([LONG_LABEL] * 3 + ["m" * 63])  # 255 octets

TAKEN = [
    # quoted local parts: quotes only where they are needed, RFC 5321 §4.1.2
    ('<"alice"@demo.test>', "alice@demo.test"),
    ('<"al ice"@demo.test>', '"al ice"@demo.test'),
    ('<"al\\"ice"@demo.test>', '"al\\"ice"@demo.test'),
    ('<"a@b"@demo.test>', '"a@b"@demo.test'),
    ('<"a>b"@demo.test>', '"a>b"@demo.test'),
    ('<""@demo.test>', '""@demo.test'),
    ('<" "@demo.test>', '" "@demo.test'),
    # address literals, RFC 5321 §4.1.3
    ("<alice@[192.0.2.1]>", "alice@[192.0.2.1]"),
    ("<alice@[ipv6:2001:DB8::1]>", "alice@[IPv6:2001:db8::1]"),
    ("<alice@[IPv6:::ffff:192.0.2.1]>", "alice@[IPv6:::ffff:c000:201]"),
    # source routes: taken and dropped, RFC 5321 §4.1.1.3, appendix C
    ("<@a.test:alice@demo.test>", "alice@demo.test"),
    ("<@a.test,@b.test,@[192.0.2.7]:alice@demo.test>", "alice@demo.test"),
    # case: the domain's does not count, the local part's is kept, RFC 5321 §2.4
    ("<Alice@DEMO.Test>", "Alice@demo.test"),
    # A-labels as they are
    ("<alice@xn--bcher-kva.test>", "alice@xn--bcher-kva.test"),
    ("<alice@XN--BCHER-KVA.test>", "alice@xn--bcher-kva.test"),
    # the longest
    ("<" + "l" * 256 + "@demo.test>", "l" * 256 + "@demo.test"),
    (f"<alice@{LONG_DOMAIN}>", f"alice@{LONG_DOMAIN}"),
]

REFUSED = [
    "<>",  # as a recipient
    "<alice>",
    "<alice@>",
    "<@demo.test>",
    "<@a.test:>",
    "<@a.test:@b.test:alice@demo.test>",
    "<alice@[192.0.2.1>",
    "<alice@192.0.2.1]>",
    "<alice@[2001:db8::1]>",  # without its tag
    "<alice@[IPv6:192.0.2.1]>",
    "<alice@[IPv6:fe80::1%eth0]>",
    "<alice@[300.1.1.1]>",
    '<"alice@demo.test>',
    '<alice"@demo.test>',
    '<"a"."b"@demo.test>',
    "<alice @demo.test>",
    "<alice@demo,test>",
    "<alice@demo..test>",
    "<alice@demo.test.>",
    "<" + "l" * 257 + "@demo.test>",
    f"<alice@{LONG_LABEL}l.test>",
    f"<alice@m.{LONG_DOMAIN}>",
]


def greeted(*first):
    talk = Talk()
    talk.say("EHLO x", *first)
    return talk


@pytest.mark.parametrize(("path", "address"), TAKEN)
def test_taken(path, address):
    talk = greeted()
    assert codes(talk.say(f"MAIL FROM:{path}", f"RCPT TO:{path}", "DATA", ".")) == ["250", "250", "354", "250"]
    ((mail, _),) = talk.flow.taken
    assert mail.reverse_path == address
    assert [recipient.address for recipient in mail.recipients] == [address]


@pytest.mark.parametrize("path", REFUSED)
def test_refused_as_recipient(path):
    assert greeted("MAIL FROM:<>").say(f"RCPT TO:{path}") == ["501 5.1.3 Syntax error in the recipient address"]


@pytest.mark.parametrize("path", REFUSED[1:])
def test_refused_as_sender(path):
    assert greeted().say(f"MAIL FROM:{path}") == ["501 5.1.7 Syntax error in the sender address"]


def test_a_line_beyond_the_limit_is_another_fault():
    assert greeted("MAIL FROM:<>").say(f"RCPT TO:<{'l' * 3000}@demo.test>") == ["500 5.5.2 Line too long"]


@pytest.mark.parametrize("word", ["postmaster", "Postmaster", "POSTMASTER"])
def test_postmaster_without_a_domain_is_a_recipient(word):
    """RFC 5321 §4.1.1.3"""
    talk = greeted("MAIL FROM:<>")
    assert codes(talk.say(f"RCPT TO:<{word}>")) == ["250"]
    assert codes(greeted().say(f"MAIL FROM:<{word}>")) == ["501"]


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("<jörg@bücher.test>", "jörg@bücher.test"),
        ("<jörg@BÜCHER.test>", "jörg@bücher.test"),
        ('<"jö rg"@bücher.test>', '"jö rg"@bücher.test'),
        ("<用户@例え.test>", "用户@例え.test"),
    ],
)
def test_u_labels_with_smtputf8_alone(path, address):
    """RFC 6531 §3.4"""
    talk = greeted()
    assert codes(talk.say(f"MAIL FROM:{path}")) == ["550"]
    assert codes(talk.say("MAIL FROM:<a@b.test>", f"RCPT TO:{path}", "RSET")) == ["250", "553", "250"]
    assert codes(talk.say(f"MAIL FROM:{path} SMTPUTF8", f"RCPT TO:{path}", "DATA", ".")) == ["250", "250", "354", "250"]
    ((mail, _),) = talk.flow.taken
    assert (mail.reverse_path, mail.recipients[0].address) == (address, address)


@pytest.mark.parametrize("path", ["<" + "ö" * 129 + "@demo.test>", "<a@" + ".".join(["ö" * 60] * 3) + ">"])
def test_lengths_are_of_octets(path):
    assert codes(greeted().say(f"MAIL FROM:{path} SMTPUTF8")) == ["501"]


def test_no_line_of_ours_is_longer_than_a_header_line_may_be():
    """RFC 5322 §2.1.1: whatever HELO and the addresses were, 998 octets."""
    talk = greeted()
    longest = f"{'ö' * 128}@{LONG_DOMAIN}"
    talk.say("EHLO " + "h" * 1500, f"MAIL FROM:<{longest}> SMTPUTF8", f"RCPT TO:<{longest}>", "DATA", ".")
    ((taken, _),) = talk.flow.taken
    assert len(taken.helo) == 255
    peer = Peer(
        "2001:db8:1111:2222:3333:4444:5555:6666", 9, "smtp", tls=True, tls_version="TLSv1.3", tls_cipher="x" * 60
    )
    mail = Arriving("m" * 20, peer, "c", taken.helo, "UTF8SMTPS", None, reverse_path=taken.reverse_path)
    mail.recipients = [Recipient(longest)]
    mail.resolutions = [None]
    lines = final_lines(mail) + received_line(mail, FlowSettings("m." + LONG_DOMAIN[:200]), MOMENT)
    assert max(map(len, lines.split(b"\r\n"))) <= 998
