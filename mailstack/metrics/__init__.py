"""What the server counts, for Prometheus and for `mailstack status --json`.

`counts` is a sink of base.events and knows nothing of Prometheus: plain numbers in dictionaries, half a microsecond
an event.  prometheus_client's own counters, with their locks and label look-ups, are for rarer things.
`exposition` turns the numbers into families when somebody asks, and asks the parts for what is so just now:
connections, the queue, the store.

**One list of names**, `counts.COUNTERS`: a counter is one row, with its help, the event that it counts and its
labels.  Labels never hold what a peer has said (an address, a name, a text): their number would be without bound.
"""
