"""Reports that servers send one another about how mail between them fares: TLS reports (RFC 8460).

Decided here:

- **Counts, not sessions, are kept**: a row for each day, domain, policy, host and result, written once a
  minute.  What a crash costs is a minute of statistics.
- **A report goes out in the night after its day**, each domain's at a random time within
  four hours (RFC 8460 §4.1), so that nobody gets the reports of the world at midnight.
- **It goes even where TLS fails** (RFC 8460 §3): the fault it tells of must not keep it.  So
  its envelope says that TLS is optional (RFC 8689's TLS-Required: No), by mail; by HTTPS the certificate counts.
- **What comes in is kept in few numbers**, beside the mail itself, which is delivered as any other.
  Octets from strangers: limits for the mail, for what it unpacks to, and for how much is kept.
"""
