"""`mailstack`: the command line.

`main` is the entry point; one module a command group, loaded when it is asked for, so that
`mailstack --help` does not wait for imports.  `reach` is the way to the server: through the
control socket while it runs, on its files while it does not; what a command means
is said once, in `control.commands`.

**Promise.**  An error is one line that says what to do next, and exit status 1 (2 for a wrong
command line).  A password is asked for twice without echo or read from standard input, never
taken as an argument, where `ps` and the shell's history would show it.  Lists have `--json`.
"""
