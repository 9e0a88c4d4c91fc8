"""`mailstack demo`: the whole server on loopback with two accounts, to be looked at with a mail program.

It is the product itself, configured by a file like anybody's, with two stand-ins
beside it (`elsewhere`): a name server and another domain's mail server, so that
the way out can be seen without a network.  `check` proves the main job with the
standard library's clients.
"""
