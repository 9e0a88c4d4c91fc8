"""A message's way from an accepted DATA into mailboxes and the queue: who may send what to whom, and the promise.

Decisions:

* **Nothing is accepted for a recipient who does not exist.**  Every RCPT is
  resolved when it is said: not ours is 550 5.7.1 (never a relay), nobody's is
  550 5.1.1.  So this server makes no bounces for what others sent it.
* **Everything is durable before the 250**: local copies in their Maildirs, the rest
  in the queue.  *Local first, then the queue.*  What fails more often (a full or
  broken mailbox) fails before anything is promised, and the answer is a clean 4xx.
  When the queue refuses after the local copies are in (the disk filled up in
  between), the answer is 4xx all the same, and the sender's next try gives the
  local recipients a second copy.  A duplicate is the lesser evil: the other order
  would send a second copy to strangers, and a 250 would lose mail.
* **One file for all.**  Local copies and queue share one staged file by hard
  links.  Return-Path may stand only in what is finally delivered (RFC 5321 §4.4), so
  a message for local *and* remote recipients is staged a second time; that is rare.
* **Bcc stays secret**: Received names the recipient, and Delivered-To is written,
  only when there is a single one in the transaction.
* **Success is reported where the message ends** (NOTIFY=SUCCESS): delivered here, or
  expanded by an alias of several, together with the 250; relayed, by the queue, when
  the next server knows no DSN.  Such a report never holds up or fails the mail.
* **SMTPUTF8 goes on only with what needs it**: asked for in vain it would stop the
  message at every server without it.
* **Loops end twice**: by the number of Received lines, and at once when a message
  comes back to an alias that has marked it with Delivered-To (RFC 9228).  Only
  aliases look, for a person may well resend a message to himself.
* **user+tag goes to the INBOX** unless the setting says that `tag` names a folder:
  otherwise a stranger chooses the folder.
* **A submitted message is changed as little as RFC 6409 §8 allows**: Date and
  Message-ID when they are missing, Bcc taken out.  From must be the sender's own
  (a setting).  Only the header block is held in memory for that.

* **People who have logged in may send with the null sender**: read receipts must
  (RFC 8098 §3).  From has still to be their own, the log and the queue know the
  account, and what cannot be delivered is reported to nobody.

Refused: rewriting of From, folding, charsets or anything else.
"""
