"""`twistd mailstack`: the one plugin file, with nothing in it but the name of the module that does the work."""

from twisted.application.service import ServiceMaker

mailstack = ServiceMaker("mailstack", "mailstack.app.tap", "A full mail server: SMTP, POP3 and IMAP", "mailstack")
