"""Asking the DNS: dnspython's messages over Twisted's transports.

Decided here:

- **We are a stub** behind a recursive resolver (`/etc/resolv.conf`, or configured servers).  One on this host
  that validates (unbound, systemd-resolved, a router is not one) makes `Answer.secure`
  mean something: AD is believed only from servers that are trusted, by default those
  on loopback or behind `options trust-ad`.
- **A random id and a random port for each query**, on a connected socket, and the question must
  come back as it went: what can be done against forged answers without DNSSEC.
- **NXDOMAIN, an empty answer, and no usable answer are three things**; only the first two may
  bounce mail.
- **The cache keeps answers as values**, positive and negative (RFC 2308), never failures: a queue that
  retries in minutes needs no second memory of trouble.
- `twisted.names` is not used: no TLSA, no AD, no EDNS in its resolver.
"""
