"""Running mailstack in the measuring harness beside Postfix and Dovecot."""
