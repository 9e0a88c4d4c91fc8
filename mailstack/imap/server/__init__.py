"""The IMAP server: what commands do, over store, accounts and sasl.

Decisions
- One handler a command, one file a family (`commands/`); the table joins their rows, and what is
  advertised is read from the rows, so no capability can be promised without its command.
- Handlers answer what was asked.  What others did to the mailbox reaches the client on one road:
  store Change → view → flush by the session, behind the handler and before the tagged answer, or at
  once in IDLE.  EXPUNGEs go in descending order, so that no number in the list moves another.
- There are no parents that are only names: CREATE and RENAME make them (Outlook files mail into
  \\NoSelect parents and loses it).  Such a name can still come about by DELETE, and is shown.
- A special use belongs to one mailbox.  LIST always shows it: older clients never ask.
- A mailbox that another session deletes ends the sessions that have it open (RFC 2180 §3.2); a session
  that deletes its own goes back to the authenticated state.
- 100 sessions an account (phones and Thunderbird together need more than 10), refused with [LIMIT].
- Modseqs and VANISHED (RFC 7162): HIGHESTMODSEQ is told by every SELECT, asked for or not; a FETCH that nobody asked
  for has UID and MODSEQ once the client has shown that it knows them.  While an EXPUNGE waits behind FETCH, STORE or
  SEARCH, HIGHESTMODSEQ stays below it, so a cut connection loses nothing.  The store remembers what was expunged;
  after its index was made again it does not, and then every missing UID is VANISHED (EARLIER).
- Commands with messages (APPEND, REPLACE) gather them all before the store hears of the first: all or nothing.
- NOTIFY's and contexts' news are made in one go when they happen, and pushed: no session has tasks of its own.  So
  there are bounds: of a new message above 1 MiB only UID and FLAGS are pushed, a context looks at 200 messages at a
  time (the rest comes with the next news), 20 contexts a session, sorted ones up to 5,000 members, and a client that
  leaves 1 MiB unread hears NOTIFICATIONOVERFLOW.  Files that other programs bring to mailboxes nobody has open are
  noticed when the mailbox is looked at.  The client's own changes of names are not told it; its own messages in other
  mailboxes are, as STATUS.
- SAVEDATE is the seconds with which a file's name begins: a file is named anew whenever it comes into a mailbox, so
  nothing else is kept and nothing can be lost.  A name of another program that does not say stands for INTERNALDATE.
- UIDONLY refuses message numbers but for FETCH of them, which ends the mode (Outlook's servers enable it and go on).
- MESSAGELIMIT and SAVELIMIT are not advertised: no command has such a limit here.  JMAPACCESS: there is no JMAP.
- CATENATE takes URLs of own mailboxes only, relative to the server or to the selected mailbox; what is not there is
  BADURL.  The octets are copied as they are here, whatever dialect the session speaks.
- Clients that have not enabled UTF-8 (UTF8=ACCEPT or IMAP4rev2) see the surrogate of an internationalised message
  (RFC 6858), in every FETCH alike; RFC822.SIZE stays that of the message, as RFC 6858 §3 permits.  Headers that are
  8-bit but not UTF-8 are broken mail: BODY[HEADER] has them as they came, ENVELOPE as encoded words.
- COMPRESS is a layer of the engine, not of the connection (`imap.deflate`): no other part knows of it.
- EMAILID is a hash of the octets: copies have the same, and a lost index changes nothing.  Threads have no id.

Refused: to refuse 8-bit headers in APPEND of clients that have not enabled UTF8=ACCEPT, though RFC 6855 §4 says so:
every archive has such mail, and who moves here would lose it; UNAUTHENTICATE on a compressed connection (where the
client's stream ends cannot be told: BYE); NULs in APPEND; telling a client of `\\Recent` twice or letting EXAMINE take
it; STATUS items that need an extension that is not advertised; wildcards compiled to a backtracking regular expression.
"""
