"""DKIM signatures on what leaves: RFC 6376, with rsa-sha256 (RFC 8301) and ed25519-sha256 (RFC 8463) at once.

`canon` and `signature` are pure: octets in, octets out.  `keys` (floor 2) are the files.  `relay.signing`
puts the signatures on.

**Signed when it is sent, not when it is queued.**  A message may wait for five days, and its key may be
retired meanwhile: what leaves carries the selector that is published now, and a time that is now.  Nothing
has to be written before a message that is already on the disk.  What it costs, a hash of the body at each
try, is kept small by remembering the signatures of the last messages: one to ten domains is signed once.

**What is signed**: mail that somebody submitted here with a login, and this server's own reports.  Mail that
an alias passes on is another's, and keeps the signature that it came with.  The domain (`d=`) is that of
From, which is what DMARC compares, or its nearest parent that has a key; without one, the sender's.

**Which fields**: `signature.OVER_SIGNED` are named once more than they are there, so that nobody can add a
second From or Subject below the signature (RFC 6376 §8.15); `signature.SIGNED` as often as they are there.
Lists add fields such as Sender and List-Id: those are left alone.  relaxed/relaxed, no `l=`, no `x=`.

**Two signatures**, since RFC 8463 §3 asks for it: who does not know ed25519 reads the RSA one.

**A key's life** is in its file's name, so that each step is one rename: `next` is published and does not sign,
`signs`, `old` is still published for mail on its way.  The first key of a domain signs at once: as long as its
record is missing, mail counts as unsigned, which it was before.
"""
