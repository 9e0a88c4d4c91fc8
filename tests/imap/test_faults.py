import re

from mailstack.base.errors import Condition, MailError
from mailstack.imap.server import faults


def test_every_condition_has_a_code():
    assert set(faults.CODES) == set(Condition)
    assert all(re.fullmatch(rb"[A-Z-]+", code) for code in faults.CODES.values())


def test_only_the_public_words_leave():
    done = faults.done(MailError(Condition.OVER_QUOTA, "Mailbox is full", detail="/srv/mail: 3 KB left"))
    assert done.encode(b"a") == b"a NO [OVERQUOTA] Mailbox is full\r\n"
