"""Every input that was ever worth keeping, played again."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_promise_is_broken(path):
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_has_seeds_and_every_seed_a_target():
    assert {path.parent.name for path in INPUTS} == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_an_input_too(name):
    TARGETS[name](b"")
