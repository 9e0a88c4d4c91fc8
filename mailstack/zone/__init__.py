"""What the DNS must say so that a domain's mail works: the records, how they are written, how they compare.  Pure.

Decisions:

- One list of records (`records.needed`) is the source for the zone file, the table for
  web forms, the check against the world and the dynamic update: they cannot disagree.
- A record carries *why* it is needed and how much (`Need`): who runs the server types
  them by hand more often than not, and wants to know which may wait.
- Only what this server really serves is listed.  A client that finds `_pop3s._tcp` and
  no POP3 behind it, or an MTA-STS policy that nobody answers, is worse off than without;
  a service that is switched off gets the SRV record that says so (RFC 2782: target ".").
- Presentation format is ours (a few lines); the wire is dnspython's, in `dns`.
- DMARC begins with `p=none` and reports: a policy that rejects is for a domain whose
  reports have been read, and no setup tool can know of the newsletters that others send.
- TLSA (DANE) is optional and says that the zone must be signed: in an unsigned zone it
  does nothing, in a signed one a wrong record stops all mail.  It pins the key
  (3 1 1), which outlives the certificate.  RFC 7672 §3.1
"""
