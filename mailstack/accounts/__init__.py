"""People: domains, accounts, addresses, aliases, passwords, and the decision about a login.

**Files.**  Everything is in `accounts.sqlite` in the state folder, written by the daemon
and by the command line alike (WAL; each change is one transaction).  `store` is the
only module with SQL.  The daemon answers from a picture in memory, `directory`, which
asks SQLite's change counter (a few µs) before each answer and reads anew when
somebody else has written: no signal, no reload, no stale answer.

**Names.**  An address is compared in one canonical form: local part in NFC and lower
case, domain in lower-case A-labels.  The case of a local part does not matter here
(RFC 5321 §2.4 lets the receiving host say so).  The account's canonical primary
address is its name everywhere: in the store, in logs, in the queue.

**Passwords** are kept as an argon2id hash (t=2, 19 MiB, p=1: RFC 9106 §4's shape at the size that
leaves a small server answering) and as SCRAM-SHA-256 keys, both made when the password is
set.  Whoever steals the file may guess at the cheaper of the two; that is why the SCRAM
iteration count is far above RFC 7677's least.  A password that was just right is remembered
for minutes as a keyed digest, so that a mail program's tenth connection costs nothing.

**App passwords** (`apppasswords`) have a hundred random bits of ours, so a plain hash keeps them and a
login by one costs nothing; SCRAM is for the account's own password.  **Hashes of other servers** (`foreign`) are taken
over and replaced at the first login that shows the password; until then a wrong password for such an account takes
another time than an unknown name does.  `second_factors` in the file waits for the web page.

**A login tells nothing**: an unknown name costs the same time, gets the same words and is
slowed down in the same way as a wrong password.  SCRAM shows a salt before anything is proved, so
an unknown name has one too, for ever the same (from a secret in the file).  All addresses of one
account have one salt, and who knows them can tell that they are one person's.  Failures slow down
further tries for that name from that address, and for all names from that address; nobody is ever
locked out from another address, because that would let strangers lock people out.

**Bans** (`guard`, `bans`, `guardfile`) are for guessers: different wrong passwords count, not tries, and a network from
which somebody has logged in within a week is never banned, so that Microsoft's and mobile carriers'
shared addresses (FIELD.md §4.19) are left alone.  They end by themselves.  Passwords of people who are known where
they come from are hashed first, and one thread is for those alone.

**Live sessions** (`live`): each account has an epoch that grows when its password changes or it is disabled; a login
holds for its epoch.  Whoever looks (`app.logouts`, each second; microseconds while nothing has changed) ends the rest.

**Sending limits** (`sending`) are counted before the message is kept, so that a session more does not help, and refused
with a temporary reply: mail programs keep the message.

**Refused**: a thread a login; system users and PAM; passwords as arguments of commands.
"""
