"""Where engines meet sockets: the one shell for every protocol, listening, and nothing about mail.

Decisions:

* **Write-through.**  Twisted's `transport.write` always queues, so a reply costs
  epoll_ctl, epoll_wait, send, epoll_ctl.  When nothing is queued `through.write`
  sends at once: 11.5 µs a round trip instead of 18.2.  The connection registers
  itself as a *push* producer, never a pull one: pull producers are resumed only
  from `doWrite`, which write-through skips.
* **One pump a connection.**  It takes an event, waits for the session, gives the
  answer to the engine.  Replies leave together, and at the latest when a handler
  waits for something.
* **Back-pressure both ways.**  A peer that does not read shuts the gate; the pump
  stops before the next event, and input above the high-water mark pauses the
  transport.  A peer that never reads is cut after its idle limit.
* **`session.lost` is never called while `handle` runs**, so that a session may
  release everything in it without asking who still uses it.
* **The PROXY protocol is spoken by those who are configured, and by them always**:
  limits, logs and every decision by address are about the client behind it.
* **A lost half is no end**: a peer that has sent QUIT and closed its sending side
  still gets its answers.
"""
