"""Carrying mail to other servers: by MX, or through a smarthost.

Decided here:

- **Opportunistic TLS asks for no certificate.**  Most servers that have one have one that nobody
  signed for the name in the MX; refusing them would mean sending in the clear.  What
  the certificate was worth is noted with the delivery.  When STARTTLS itself
  breaks, the same address is tried once more in the clear; a smarthost with required
  TLS never is.
- **A domain may ask for more** (`demands` asks, `policy` decides): DANE where MX, addresses and TLSA
  are all validated, else MTA-STS, else nothing.  Then nothing goes in the clear or to
  another certificate: the mail waits, and comes back after five days with the reason.
  An MTA-STS policy that is known holds until it expires, whoever hides the record.
- **5yz before MAIL** (the greeting, EHLO) is that host's word, not the domain's: the next
  host is asked.  Only when every host that there is has said no for good, it has failed.
- **Another host is tried at once** for recipients about whom the first said nothing,
  unless the final dot was out: then the message may be there, and waiting is better
  than a certain duplicate.
- **A smarthost that refuses our login defers**: the password is the operator's to mend, the
  mail is not to blame.
- **A connection serves the next message too** (`pool`), with its TLS and its login, for
  whatever domain has the same host and the same demands on TLS.  When it proves dead
  before the message can be there, a new one takes over at once; among equal MX hosts
  one that is open comes first.
- **No reply is waited for longer than its limit**, however slowly its octets drip.
- **The sender's word on TLS comes first** (RFC 8689): with REQUIRETLS the host must be vouched for, verified and
  promise the same, else the mail comes back at once (5.7.10, 5.7.30); `TLS-Required: No` takes DANE and
  MTA-STS away.  A report goes all the same: better unsafe than lost.
- **By BDAT where it is offered**, in one chunk behind the answers to the recipients (`smtp.client`).
- **8-bit parts are encoded for a server without 8BITMIME** (`downgrade`), aside, into a file of their own.  What is
  signed within comes back (5.6.3); a DKIM signature over the body breaks, as it would when the server cuts
  the octets.  A setting sends all as it is.

Refused: SMTPUTF8 downgrade of addresses (RFC 6530 gave it up).
"""
