"""All accounts' mail: one Maildir store, shared by SMTP, POP3 and IMAP.

**Promise.**  What `deliver`, `append`, `copy`, `move`, `set_flags` and `expunge` have ended
is on the disk, whatever happens next.  A MailError means that it has not happened.  A UID
that a client was told never means another message.  Nothing is told to anybody before it
is durable, and everybody is told in the order of commits.

**The Maildir is the mail, the index a copy.**  `index.sqlite` can be deleted: UIDs, UIDVALIDITY,
flags, keywords, subscriptions and special uses are found again in file names and a few
small text files (store.maildir, store.foldertext), annotations too (store.annotating).
UIDNEXT may be up to 200 higher afterwards and modseqs start from the time, so clients ask for all flags once.

**One writer.**  A single thread (store.batches) runs every change as a job: SQL and file work of
one mailbox never race each other, so the code of filing, changing, foldering and reconcile
reads like a single-user program.  The reactor's side (store.memory, mailbox, account) never
writes and never waits for a disk, except to read a message's octets.

**Memory.**  Whatever is kept only to be quicker shares one bound (store.allowance): answers, search blocks, mailboxes
without a session, accounts.  Sessions hold their accounts; the store itself only the last ones used.

**A disk that takes nothing.**  A job whose own file work fails is refused alone.  When a sync or a COMMIT fails the
store is degraded until a probe gets through; sessions go on reading what memory and rows tell.  `Store.trouble`
says why, for `mailstack status`, health and metrics.

**A power cut** is taken to keep renames whole and nothing else (tests/faults/disk.py).  So a text that replaces
another is synced before its rename; a file of ours without a row is mail only when it is whole and has no hole; a
folder that is found under another name keeps its row.

    reactor's thread                               writer's thread
    Store, OpenAccount, OpenMailbox  → jobs →      filing, changing, foldering, reconcile
    columns, watchers                ← effects ←   index.*  (SQL)      files (Maildir)

**Quotas** go by one row an account, changed in the transaction that changes its messages, so the count is exact
and costs 2 µs a job; a check counts anew.  Limits are asked for on the reactor's thread and judged on the writer's.
What the operator brings in (reports, undelete, import, restore) is counted but never refused.

**Expunged mail** is renamed into a bin (store.bins) by the chore that would have removed it: in the steady state 15 %
more CPU for an expunge of 1,000, and making the first bin of a day costs what one folder costs.  No row knows of it,
so it is found after the loss of the index; a sweep in a thread removes what is due, by days.

**Refused.**  *A database an account*: 100 µs and a file handle each instead of 6 µs a row.
*Files placed on the reactor's thread, rows by the writer*: saves a hand-over, but then a file
exists before anybody could know whether it is ours, and reconcile has to guess.  *A whole foreign Maildir taken in by
one transaction*: 100,000 files are 6 s for which every delivery waits; now 1,000 at a time.  *Renaming for
each flag change at once*: 1,000 of them block for 50 ms; chores do it later, and `message.disk`
says how far they are.  *Trusting tombstones to recognise a file that came back*: a person who
copies mail back from a backup would see it deleted again; a tombstone names its file only until
that file's removal is durable.  *`new/` for our own deliveries*: see store.maildir.
*An index of messages by modseq*, to find what changed since a snapshot: 2 µs for every row ever
written, to save 8 ms of a scan where a mailbox of 100,000 is opened for the first time.

**Measured** (2 shared cores, ext4 without a journal, Python 3.11).  Opening a mailbox of 100,000 for the
first time after a start: 14 ms (10,000: 3 ms) from a snapshot (store.snapshot), 150 ms row by row.
In one command of 1,000 messages, each: STORE 7.5 µs, EXPUNGE 10, COPY 28, MOVE 41 (the files of the
first two follow as chores at 25 and 46 µs CPU).  Delivery, 10 KiB, 32 at once: 75 µs of Python and SQLite,
and 60 to 130 µs in the kernel, most of it making the file; where many files were deleted in the
last minute such a file system looks at each of their inodes first, and that is 800 µs.
"""
