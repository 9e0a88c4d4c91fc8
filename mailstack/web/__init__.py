"""The small web server inside: what other programs ask of this one over HTTP.

It is off unless `[http]` names an address, and that should be a loopback address: it has neither TLS nor a login,
and tells nothing that a neighbour on the machine may not know (no address, no name, no text of a message).
twisted.web serves it: nothing here is on mail's way.
"""
