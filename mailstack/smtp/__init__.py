"""SMTP as octets and values: grammar, server engine and client engine; no I/O, no clock, no Twisted.

Decisions:

* **The engine answers what is wrong with a line or its place**; a session sees
  only well-formed commands in a state where they are legal.  State moves when a
  *positive* reply is sent, so a refused MAIL leaves no half transaction behind,
  and pipelining (RFC 2920) needs no code: the session takes commands one by one.
* **Only CRLF ends a line and only CRLF.CRLF ends the data.**  Every published
  smuggling trick rests on a server that reads something else as one of them.  A
  bare CR or LF in the data of a stranger is refused (550 5.6.11); from somebody
  who has logged in it is made a CRLF, because old scripts and printers do it.
* **The data are cut in bulk** (`body`): one split on CRLF-dot a chunk finds the end
  and takes the dots away, one `translate` and one count find bare line ends.
  Never line by line: 36 µs a 10 KiB message instead of 175.
* **What is refused in the middle of the data is read to its end** before the reply:
  the body is never read as commands, and a client that only listens after the
  last dot hears why.
* **An extension is one file** in `extensions/`: its EHLO line, its parameters with
  their types, its verbs.  A parameter is a key with a type: `command.params[SIZE]`
  is an int, and the engine knows nothing about it.
* **BDAT's octets are read whatever the answer is** (`extensions.chunking`): out of
  place or behind a refused chunk they are swallowed, and where a chunk's end cannot
  be told the connection ends.  The checks go on from chunk to chunk.
* **BINARYMIME is taken and ends here**: a binary part becomes base64 when the message has come, since IMAP and
  POP3 could not show it and so that no other server need be asked for it; a binary message with a bare line end
  in a header or delimiter is refused, for it would be made a text with another meaning.
* **LMTP is the same machine** with LHLO and, behind the data, a reply for each
  recipient (`extensions.lmtp`): the engine multiplies one refusal, the session
  makes different answers only when delivery to all at once has failed.
* **What a sender asks of the way** (REQUIRETLS, MT-PRIORITY, FUTURERELEASE, DELIVERBY) is one value,
  `queue.api.Wishes`, from MAIL to the next server's MAIL.  A priority above 0 is for those whom the
  configuration names; a message is held for people who have logged in only, in the queue, and for
  recipients here too, whose mailboxes see it when its time has come.
* **AUTH's steps are events of their own state**, so no handler waits for input.

Refused: EXPN and VRFY with real answers (they tell strangers who is here), HELO
names as a ground for refusal (RFC 5321 §4.1.4).
Taken although the grammar says otherwise, each marked `quirk:` where it is read:
blanks behind the colon of `MAIL FROM:`, paths without brackets, any word as HELO
name, blanks at the end of a line, local parts above 64 octets.
"""
