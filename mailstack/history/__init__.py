"""What has happened, kept for some days, so that `mailstack why` can tell the story of a message.

`recorder` is a sink of base.events: on the hot path it appends to a list, and twice a second a thread
writes what gathered.  `segments` are the files, `record` the form of a line in them, `search` finds the
records that belong to an id, an address or a Message-ID, `story` puts them in order, `words` says them.

**Promises.**  An event costs the reactor half a microsecond, and the thread one (measured: the four events
of a small message 2.0 and 4.6 µs).  A crash loses the last half second; a record is whole or not there.
A full or broken disk loses records, is told in the log once, and never harms mail: below a reserve of
free space nothing is written at all.  Size and age are bounded (`[history]`); the oldest segment goes.

**Lines of JSON in segment files, not SQLite.**  An append is one write(2) for all that gathered, without
locks, syncs or a file format that a crash could break: a torn line is skipped.  A table would want an
index over ids and one over addresses, written at every message for the few that anybody asks about.
Looking something up reads the files with `bytes.find`: one to three seconds for 256 MiB, 430,000
messages, on a busy machine with two cores.  The asking process does it, not the server: the server only
writes down what it still holds.

**What is kept**: envelope, header Message-ID, names, addresses and replies.  No subject, no text, no
password (`Secret` does not print), and of a faulty command line nothing that may be half a login.
"""
