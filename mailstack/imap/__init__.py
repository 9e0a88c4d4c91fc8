"""IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051), spoken: grammar, engine, view.  Pure; what it *does* is `imap.server`.

Decisions
- Two stages.  `fragment` cuts lines and literals and knows nothing of commands; the grammar
  (`cursor`) reads a command when it is whole.  A bad command is dropped whole, its literals
  included, so its octets are never read as commands.
- APPEND's message is the only thing that is not whole: it streams (`engine`).
- A command is a row of data (`values.Row`); the engine enforces states, so a handler sees
  only well-formed commands in a legal state.
- Sequence numbers belong to a session: `view` holds its picture of the mailbox and what it
  has yet to be told.  Numbers change only where RFC 3501 §7.4.1 lets them.
- Commands run one after another.  Pipelining is input that waits; the ambiguities of
  RFC 9051 §5.5 cannot arise.
- Every session begins as IMAP4rev1: names on the wire are modified UTF-7, nothing 8-bit leaves but message octets.
  ENABLE IMAP4rev2 makes it the other dialect, until the client logs out; the engine reads names as UTF-8 from the
  next command on.  What differs, item by item of RFC 9051 Appendix E: the table in tests/imap/test_imap4rev2.py.
- LITERAL+ is more than LITERAL-, and one server says only one of them (RFC 7888 §5): it is LITERAL+ here.

- Searches look at records that are made once and kept in blocks of 256 UIDs (`search_kept`): one
  `find` a block.  Strings are folded by i;unicode-casemap (RFC 5255), sign by sign: `SS` is not `ß`.
- What FETCH makes of a message (ENVELOPE, BODYSTRUCTURE, the set of header fields that a client asks of all
  mail) is kept in blocks of 256 UIDs, and a mailbox's answers are joined from them by columns, no statement a
  message: 1.4 µs each (`server.columned`).  Anything else is answered one by one (`server.commands.fetch`).
- THREAD=REFS orders siblings by arrival and threads by their latest arrival, as Dovecot does.

Refused: guessing at bare LF line ends (smuggling), going on after a line that is longer than
the limit (its end may announce a literal, so what follows cannot be told from commands).
"""
