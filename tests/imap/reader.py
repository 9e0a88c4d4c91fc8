"""A small reader of what IMAP servers say, written apart from the server: lists, strings, literals, NIL, atoms."""


class Atom(bytes):
    """Something that is not quoted."""


def read(octets):
    """One value, and the offset behind it.  ValueError for what is no value."""
    value, at = _value(octets, 0)
    if at != len(octets):
        raise ValueError(f"left over: {octets[at:]!r}")
    return value


def fetch(octets):
    """`* n FETCH (…)` lines as {n: {label: value}}; the rest is left."""
    answers, at = {}, 0
    while octets.startswith(b"* ", at):
        space = octets.index(b" ", at + 2)
        number = octets[at + 2 : space]
        if not number.isdigit() or not octets.startswith(b" FETCH ", space):
            break
        fields, at = _fields(octets, space + 7)
        assert int(number) not in answers, "one answer a message"
        answers[int(number)] = fields
        assert octets.startswith(b"\r\n", at), octets[at : at + 20]
        at += 2
    return answers, octets[at:]


def _fields(octets, at):
    assert octets.startswith(b"(", at)
    at += 1
    fields = {}
    while not octets.startswith(b")", at):
        label, at = _label(octets, at)
        assert label not in fields
        fields[label], at = _value(octets, at + 1)
        if octets.startswith(b" ", at):
            at += 1
    return fields, at + 1


def _label(octets, at):
    start = at
    inside = False
    while inside or octets[at : at + 1] != b" ":
        inside = (inside or octets[at : at + 1] == b"[") and octets[at : at + 1] != b"]"
        at += 1
    return octets[start:at], at


def _value(octets, at):
    first = octets[at : at + 1]
    if first == b"(":
        return _list(octets, at + 1)
    if first == b'"':
        return _quoted(octets, at + 1)
    if first == b"{":
        end = octets.index(b"}\r\n", at)
        start = end + 3
        stop = start + int(octets[at + 1 : end])
        if stop > len(octets) or b"\0" in octets[start:stop]:
            raise ValueError("bad literal")
        return octets[start:stop], stop
    end = at
    while end < len(octets) and octets[end : end + 1] not in b' ()"\r\n':
        end += 1
    if end == at:
        raise ValueError(f"no value: {octets[at : at + 20]!r}")
    atom = octets[at:end]
    return (None if atom == b"NIL" else Atom(atom)), end


def _list(octets, at):
    values = []
    while octets[at : at + 1] != b")":
        if values and octets[at : at + 1] == b" ":
            at += 1
        value, at = _value(octets, at)
        values.append(value)
    return values, at + 1


def _quoted(octets, at):
    out = bytearray()
    while octets[at] != ord('"'):
        if octets[at] == ord("\\"):
            at += 1
            if octets[at] not in b'"\\':
                raise ValueError("bad escape")
        elif octets[at] in b"\r\n\0" or octets[at] > 127:
            raise ValueError("octet that may not stand in a quoted string")
        out.append(octets[at])
        at += 1
    return bytes(out), at + 1
