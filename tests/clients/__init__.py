"""Real mail programs against the real daemon: a process of its own, on free ports, ended by the test."""
