"""The table of RFCs: every one that the code cites is in it, and every `yes` is cited."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABLE = Path(__file__).parent / "rfcs.tsv"
CITED = re.compile(r"RFC (\d+)")


def rows():
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def cited():
    return {
        int(number)
        for path in (ROOT / "mailstack").rglob("*.py")
        for number in CITED.findall(path.read_text(encoding="utf-8"))
    }


def test_every_cited_rfc_is_listed():
    assert cited() - {int(number) for number, _, _ in rows()} == set()


def test_every_yes_is_cited():
    assert {int(number) for number, state, _ in rows() if state == "yes"} - cited() == set()


def test_rows_are_whole_and_in_order():
    numbers = [int(number) for number, _, _ in rows()]
    assert numbers == sorted(set(numbers))
    assert {state for _, state, _ in rows()} <= {"yes", "partial", "no", "ref"}


def test_one_spelling():
    """`RFC n §s`, so that grep finds every citation."""
    odd = re.compile(r"rfc ?\d{4}|RFC-\d|RFC\d|[Ss]ection \d+(\.\d+)* of RFC")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "mailstack").rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if odd.search(line.replace("rfc822", "").replace("RFC822", ""))
    ]
    if found:
        pytest.fail(f"cite as `RFC n §s`: {found}")
