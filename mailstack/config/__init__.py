"""The configuration: one TOML text, turned into frozen values, with every fault told at once.

**Promise.**  A text is either taken whole or refused with one line for every
fault in it: `file:key: what is wrong, what is allowed`.  Nothing is ignored: an
unknown key is a fault that names the nearest known one.  What a running server
holds never changes under it; a reload makes a new `Config`, and `diff` says which
keys changed and which of them need a restart.

**One description.**  `model` declares each setting once: type, default, meaning,
unit, the reason to change it, and whether it can change live.  The reader, the
sample file `etc/mailstack.toml`, the diff and the checks all walk that one
description, so none of them can fall behind.

**Pure.**  Nothing here opens a file or asks the clock.  What needs a look at the
disk (does the certificate exist, does the key fit it) is checked by
`mailstack.tls.certs`, on the same `Fault` values.

**Refused**: msgspec or pydantic for the reading, because they stop at the first fault or
word it in terms of Python types; environment variables and includes, because then
no single file says what the server does; passwords in the file, because it is
read by people who ask for help and paste it.
"""
