"""Whether a password would be guessed, and why."""

from collections.abc import Sequence

from mailstack.base.errors import Condition, MailError
from mailstack.base.secret import Secret

__all__ = ["expect_strong"]

_LONGEST = 1024
_LOOKED_AT = 72  # characters: the estimate takes longer with each, and by then the answer is known


def expect_strong(password: Secret, words: Sequence[str], least: int) -> None:
    """`least`: zxcvbn's score from 0 (anything) to 4.  `words` are the person's own: name, address.

    MailError(NOT_ALLOWED) says what is wrong with it.
    """
    if not least or not password or len(password.reveal()) > _LONGEST:  # the last is refused elsewhere
        return
    from zxcvbn import zxcvbn  # with its dictionaries: 100 ms

    parts = [part for word in words for part in (word, *word.replace("@", ".").split("."))]
    found = zxcvbn(password.reveal()[:_LOOKED_AT], user_inputs=[part for part in parts if len(part) > 2])
    if found["score"] >= least:
        return
    feedback = found["feedback"]
    why = feedback["warning"] or "It would be guessed soon."
    advice = " ".join(feedback["suggestions"]) or "Add another word or two."
    raise MailError(Condition.NOT_ALLOWED, f"this password is too weak: {why} {advice}")
