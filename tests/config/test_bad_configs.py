"""Every file in tests/bad_configs is refused, in exactly the words beside it.

MAILSTACK_WRITE_EXPECTED=1 writes the words anew; read the difference before you commit it.
"""

import os
from pathlib import Path

import pytest

from mailstack.config.faults import ConfigError
from mailstack.config.load import load

FOLDER = Path(__file__).parents[1] / "bad_configs"
CASES = sorted(FOLDER.glob("*.toml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_refused(case: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(case.read_text("utf-8"), case.name)
    said = f"{caught.value}\n"
    expected = case.with_suffix(".txt")
    if os.environ.get("MAILSTACK_WRITE_EXPECTED"):
        expected.write_text(said, "utf-8")
    assert said == expected.read_text("utf-8")
    assert all("allowed" in line or "did you mean" in line for line in said.splitlines())


def test_there_are_cases() -> None:
    assert len(CASES) >= 20
    assert {case.stem for case in CASES} == {text.stem for text in FOLDER.glob("*.txt")}
