"""Which passwords are too weak, and that people hear why."""

import pytest

from mailstack.accounts.strength import expect_strong
from mailstack.base.errors import Condition, MailError
from mailstack.base.secret import Secret

WORDS = ["anna.karenina@example.org"]


@pytest.mark.parametrize("password", ["secret", "12345678", "qwertyuiop", "karenina1", "Example2", "aaaaaaaaaaaa"])
def test_weak(password: str) -> None:
    with pytest.raises(MailError, match="too weak: .+") as caught:
        expect_strong(Secret(password), WORDS, 2)
    assert caught.value.condition is Condition.NOT_ALLOWED
    assert password not in str(caught.value)
    expect_strong(Secret(password), WORDS, 0)


@pytest.mark.parametrize(
    "password", ["correct horse battery", "9fX!kq2L", "ein Häuschen im Grünen", "x" * 5 + "Tz4" * 400]
)
def test_strong(password: str) -> None:
    expect_strong(Secret(password), WORDS, 2)
