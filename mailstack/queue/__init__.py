"""Mail on its way out: kept safely, tried on time, reported when it cannot go.

Decided here:

- **The truth is a row a recipient** in the one database of the store, and one
  file a message under `<state>/queue/`.  Both are durable, by the same group
  commit as a local delivery, before anybody is told 250.
- **What is due soon is in memory** (`pick.Agenda`), and of each destination a share
  (`window`): a million rows wait on the disk.  A front goes along the rows in the order of
  their time, so that no slow destination with many rows hides the others behind a LIMIT.
- **Operators work on pages** of the table (`chosen`), and the window is then made anew: cheaper
  than to find out what has changed, and never wrong.
- **What each try heard is kept** until the recipient leaves the queue (`queue_try`), for
  `mailstack queue why`.
- **One courier call for each (message, lane)**; a lane is a domain when mail goes by
  MX, and everything together when it goes to a smarthost.  Limits count by lane,
  lanes take turns, so a large list cannot starve a single letter.
- **How many deliveries at once a lane bears is found out** (`pace`): up by one with a
  window of successes, down by half when it pushes back (421, 451, no answer in time).
- **Delivered is made durable at once**, message by message, before anything else
  happens to it.  What can be sent twice is only a message whose 250 never
  arrived, or whose 250 arrived in the moment of a power cut.
- **A report is durable before the failure is forgotten**: a crash between gives two
  reports, never none.
- **A notice of delay is kept before it is noted as sent**: a crash between gives two, never
  none.  There is a try just when it is due, so that it tells the newest.
- **A queued file that has vanished is reported** to the sender like any failure.
- **Files without rows are set aside, not deleted** (`orphaned/`).  After a crash they
  are mail that was never acknowledged; after the loss of the database they are all
  that is left, and this code cannot tell which.

Refused: one file for each envelope next to the message (a create, a rename and an
unlink for each step; 0.3 to 0.8 ms each on ext4), and a journal of our own beside SQLite.
"""
