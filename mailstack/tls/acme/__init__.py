"""Certificates from an ACME authority such as Let's Encrypt: ordered, proven, kept, renewed.  RFC 8555

Decisions:

- The `acme` library speaks the protocol.  It blocks, so an order runs in a thread of
  Twisted's pool, and in the command line as it is; nothing here knows a reactor.
- A challenge is proven by a `Prover`: one small class for each kind, which opens what it
  needs (a port, a DNS record) for the time of the order and no longer.  So port 80 is
  ours for seconds, every sixty days, and a web server may have it the rest of the time
  when it passes `/.well-known/acme-challenge/` on, or DNS-01 is chosen.
- The account key and the certificates lie in `certificates/` of the state folder, the
  private keys mode 0600.  Key and chain are replaced one after the other, each whole:
  a start in between finds a pair that does not fit, and orders anew.
- Until the first certificate is there, a self-signed one stands in for it: the server
  starts, other servers can bring mail over TLS (they do not verify), and mail programs
  say clearly that it is not the real one yet.
- Renewal is due when a third of the lifetime is left, which holds for 90 days as for the
  6 days that Let's Encrypt begins to offer; failures are tried again after an hour, then
  later and later up to a day: authorities count failed tries (five an hour).
- TLS-ALPN-01 (RFC 8737) is ours to do: the library dropped it.  A few lines.
"""
