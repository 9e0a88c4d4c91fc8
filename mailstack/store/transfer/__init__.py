"""Mail of other programs, read as a stream, and ours written in their forms: mbox, Maildir, Maildir++, .eml files.

**Reading** never holds a message: a reader yields `Found` values whose octets are drawn chunk by chunk, with CRLF.
What cannot be read is a `Bad`, named and passed over.  Of a folder only the names of its files are in memory.

**Bringing in** is the running server's work, as it alone knows the index: octets are put into files beside the mail
(`<mail>/.importing/<run>/`), then the server takes a hundred at a time, each into its mailbox by a rename, in one
transaction that also keeps the messages' keys.  A key is the same whenever the source is read again: so an import
that was killed goes on where it was, and one that is repeated brings only what is new.

**Refused.**  *Keys by content*: a message that the source has twice would come once.  *Message-IDs*: they are not
unique, and drafts have none.  *The octets over the control socket*: they would cross the reactor for nothing.
"""
