"""POP3 as an actor: logs people in, opens their maildrop, does what the commands ask."""
