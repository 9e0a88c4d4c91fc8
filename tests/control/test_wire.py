"""Questions and answers on the control socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.base.secret import Secret
from mailstack.control.wire import Answer, Question

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.text(), st.dictionaries(st.text().filter(lambda key: key != "password"), JSON))
def test_questions_come_back(command: str, arguments: dict[str, object]) -> None:
    line = Question(command, arguments).encode()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert Question.decode(line) == Question(command, arguments)


@given(JSON)
def test_answers_come_back(result: object) -> None:
    assert Answer.decode(Answer(result).encode()).unwrap() == result


def test_passwords_are_secrets() -> None:
    question = Question.decode(Question("account add", {"password": Secret("open sesame")}).encode())
    assert question.arguments["password"] == Secret("open sesame")
    assert "sesame" not in repr(question)


def test_failures() -> None:
    answer = Answer.decode(Answer.failed(MailError(Condition.IN_USE, "it is in use", detail="secret path")).encode())
    with pytest.raises(MailError, match="^IN_USE: it is in use$"):
        answer.unwrap()
    with pytest.raises(MailError, match="^INTERNAL: odd"):
        Answer(error="odd", condition="FROM_THE_FUTURE").unwrap()


@pytest.mark.parametrize(
    "line",
    [b"", b"x", b"[]", b"{}", b'{"v":1}', b'{"v":1,"command":1,"arguments":{}}', b'{"v":1,"command":"x"}', b"\xff",
     b"[" * 100_000, b'{"v":2,"command":"x","arguments":{}}'],
)  # fmt: skip
def test_no_questions(line: bytes) -> None:
    with pytest.raises(ParseFault):
        Question.decode(line)


@pytest.mark.parametrize("line", [b"", b"{}", b'{"v":1}', b'{"v":1,"error":""}', b'{"v":9,"result":1}'])
def test_no_answers(line: bytes) -> None:
    with pytest.raises(ParseFault):
        Answer.decode(line)
