"""mailstack: a full mail server in one process, on Twisted, over one Maildir store.

A message's way, and the only way: client → submission (AUTH, TLS) → is the
recipient's domain ours?  no: queue → MX look-up → the other server; yes: the
recipient's Maildir → POP3 or IMAP → client.

The packages are floors; a module imports its own floor or a lower one, never a
higher (tests/test_floors.py holds the table and enforces it):

    5 assemble    app cli
    4 serve       smtp.server imap.server pop3.server control
    3 move        flow relay
    2 hold/reach  net dns tls accounts store queue
    1 speak       message sasl smtp imap pop3 config, and every module named api
    0 base        the standard library only
"""

__version__ = "0.1.0"
