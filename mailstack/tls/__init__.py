"""Certificates and TLS contexts.

`certs` reads certificate files and says what is wrong with them, before a listener
meets it; `authority` makes a small CA and a P-256 certificate for the demo and for tests;
`contexts` turns files into what Twisted's TLS needs, for the serving and for the calling side.

**Promise.**  A context is built whole or not at all: a reload with a bad file leaves
the old one in force.  Contexts release their buffers between records (26 KiB an idle
connection, not 46: performance/prototypes.md), resume sessions, never renegotiate, and speak TLS 1.2 or
newer.  A P-256 certificate costs half of an RSA one at each handshake; with both for one
name (`[[tls.extra]]`), clients get what they can use, P-256 first.

**Refused**: a handshake in threads (fewer handshakes a second, more CPU); a layer of our own in place
of Twisted's (10 % of a handshake, not worth it); encrypted keys (nobody is there to type at a restart).
"""
