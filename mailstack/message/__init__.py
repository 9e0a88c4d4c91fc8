"""Internet messages (RFC 5322, MIME) as octets: found by offsets, never rebuilt.

Reading is tolerant and lossless: whatever people send is stored and shown as it
came, so a scanner gives offsets into the octets and never fails; what it cannot
make sense of it steps over.  Writing is strict: what this server composes
itself (trace lines, the welcome message, reports) follows the RFCs to the letter.

Refused: the standard library's `email` package.  It takes a hundred times as
long to find a header (performance/prototypes.md), holds several copies of the
message, and changes octets between parsing and writing, which breaks signatures
and IMAP's byte counts.
"""
