"""The command line's way into a running server: a Unix socket, one question and one answer a connection.

`wire` is the format (a line of JSON each way), `commands` what can be asked, `server` the
listening side, `client` the asking side (blocking, standard library only, so that the
command line starts fast).  The same `commands` run inside the command line itself, on the
files, while no server runs: one meaning, two places.

**Who may ask**: the socket is mode 0600 in the server's own folder, and the kernel tells the
asking process's user: root and the server's own user, nobody else.  There is no password and no network.

**Passwords** travel in the question, are wrapped in `Secret` before anything else sees them, and are
never logged: the log has the command's name only.

**Refused**: HTTP (a web server to guard); Twisted's AMP or PB (the client should start in
milliseconds); signals and files for single purposes.
"""
