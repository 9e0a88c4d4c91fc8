"""POP3 (RFC 1939) with CAPA (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034) and response codes (RFC 3206).

What is promised: a maildrop is the INBOX as it was at login, one session at a
time; numbers, sizes and unique ids stay as they were shown, a size is exactly
the octets that RETR sends; nothing of the maildrop changes but in UPDATE, which
only QUIT reaches.  A message that IMAP has removed meanwhile answers -ERR, and
never another message in its place.

Decided: QUIT marks `\\Seen` what RETR has sent whole, as Dovecot does, so that a
person who reads by POP3 and looks by IMAP sees what is new (a setting turns it
off); unique ids are `<uidvalidity>.<uid>`, which need no table of their own.

Bodies stream: a handler gives `Opening`, then `Piece`s, waiting for room between
them, and answers with `Closing`.  The engine stuffs dots and ends the last line,
so that no handler can leave a body open or smuggle a lone dot into one; a handler
that breaks off in a body ends the connection, for half a message may not look whole.

Refused: APOP (it needs readable passwords), LAST and XTND (gone with RFC 1725),
message numbers that skip over what is gone.
"""
