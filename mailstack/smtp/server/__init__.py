"""The SMTP server's acting side: what each command does, for one connection (`session`) and one mail (`transaction`).

Decisions:

* **Port 25 and the submission ports run the same session**; they differ by the
  `Flow` they are given (`flow.inbound`, `flow.submission`) and by `Listening`.
* **No AUTH in the clear.**  It is not offered and not taken before TLS (538), and
  MAIL on a submission port is 530 before login.  One setting lifts that for
  loopback peers, for test benches and local web mail.
* **Port 25 has no login at all**: who wants to send logs in on 587 or 465, so a
  guessed password is no use where everybody may connect.
* **A failure says who may mend it**: `faults` has the code and status of every
  `Condition`; the text comes from where the failure happened.
* **The reply to the data is the promise**: 250 goes out only after the flow has
  made everything durable.  When staging fails in the middle of the data, the rest
  is read and the reply is 452.
"""
