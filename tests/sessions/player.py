"""Plays golden transcripts: the same file in memory and over real sockets.

    # what is shown, and the RFC          the first line
    C: a line the client sends            C2: the same on a second connection
    S: a line the server must say now     exactly; `$name` takes a word, or stands for the one taken before
    S~ regex                              the next line matches it wholly
    S.. prefix                            lines are skipped until one that begins so
    S! prefix                             no line up to the next expected one begins so
    @ directive words                     does something to the world (see tests/sessions/world.py)

Blank lines and further lines beginning with `#` are passed over.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
_LINE = re.compile(r"(?:(?P<side>[CS])(?P<who>\d?)(?P<how>:|~|!|\.\.) ?|(?P<at>@) ?)(?P<text>.*)")


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    kind: str  # "C:", "S:", "S~", "S..", "S!", "@"
    who: int
    text: str


def parse(text):
    """The steps of a transcript.  ValueError names the line that is none."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise ValueError(f"line {number}: {line!r} is no step")
        kind = "@" if found["at"] else found["side"] + found["how"]
        steps.append(Step(number, kind, int(found["who"] or 1), found["text"]))
    if not text.startswith("# "):
        raise ValueError("the first line says what is shown")
    return steps


def pattern(text, taken):
    """A regex for an expected line; `$name` is a word."""
    parts = re.split(r"(?<!\w)(\$[a-z]\w*)", text)
    out = []
    for part in parts:
        name = part[1:]
        if not re.fullmatch(r"\$[a-z]\w*", part):
            out.append(re.escape(part))
        elif name in taken:
            out.append(re.escape(taken[name]))
        else:
            out.append(rf"(?P<{name}>[^\s\]\)]+)")
    return re.compile("".join(out), re.DOTALL)


class Player:
    """One transcript against one world.  `connect()` of the world gives talks: send, line, close."""

    def __init__(self, world):
        self.world = world
        self.talks = {}
        self.taken = {}
        self.forbidden = {}
        self.who = 1

    def talk(self, who=None):
        who = who or self.who
        if who not in self.talks:
            self.talks[who] = self.world.connect()
        return self.talks[who]

    def fill(self, text):
        return re.sub(r"(?<!\w)\$([a-z]\w*)", lambda m: self.taken.get(m[1], m[0]), text)

    def play(self, steps):
        try:
            for step in steps:
                try:
                    self.step(step)
                except AssertionError as failure:
                    raise AssertionError(f"line {step.number} ({step.kind} {step.text}): {failure}") from None
        finally:
            for talk in self.talks.values():
                talk.close()

    def step(self, step):
        self.who = step.who
        if step.kind == "C:":
            self.talk().send(self.fill(step.text).encode("utf-8", "surrogateescape") + b"\r\n")
        elif step.kind == "@":
            word, _, rest = step.text.partition(" ")
            self.world.directive(self, word, rest)
        elif step.kind == "S!":
            self.forbidden.setdefault(step.who, []).append(step.text)
        else:
            self.expect(step)

    def expect(self, step):
        forbidden = self.forbidden.pop(step.who, [])
        while True:
            line = self.talk().line()
            for text in forbidden:
                assert not line.startswith(self.fill(text)), f"the server said {line!r}"
            if self.matches(step, line):
                return
            assert step.kind == "S..", f"the server said {line!r}"

    def matches(self, step, line):
        if step.kind == "S~":
            return re.fullmatch(self.fill(step.text), line, re.DOTALL)
        regex = pattern(step.text, self.taken)
        found = regex.match(line) if step.kind == "S.." else regex.fullmatch(line)
        if found:
            self.taken.update({k: v for k, v in found.groupdict().items() if v is not None})
        return found


def transcripts(protocol):
    return sorted((FOLDER / protocol).rglob("*.txt"))
