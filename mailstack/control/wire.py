"""One line of JSON each way.

→ {"v": 1, "command": "account add", "arguments": {"name": "alice@demo.test", "password": "…"}}
← {"v": 1, "result": …}
← {"v": 1, "error": "there is a fault", "condition": "NO_SUCH_USER"}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.base.secret import Secret

__all__ = ["ANSWER_LIMIT", "QUESTION_LIMIT", "VERSION", "Answer", "Question"]

VERSION = 1
QUESTION_LIMIT = 64 << 10  # octets, with the line end
ANSWER_LIMIT = 256 << 20  # octets: a very long queue

_SECRETS = frozenset({"password"})


@dataclass(frozen=True, slots=True)
class Question:
    """`arguments` are JSON values; those called `password` are Secrets on both sides."""

    command: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        revealed = {k: v.reveal() if isinstance(v, Secret) else v for k, v in self.arguments.items()}
        return _line({"command": self.command, "arguments": revealed})

    @classmethod
    def decode(cls, line: bytes) -> "Question":
        """ParseFault."""
        match _table(line):
            case {"command": str(command), "arguments": dict(arguments)}:
                secret = {k: Secret(v) if k in _SECRETS and isinstance(v, str) else v for k, v in arguments.items()}
                return cls(command, secret)
        raise ParseFault("not a question")


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON value, or what went wrong in one line and its Condition's name."""

    result: Any = None
    error: str = ""
    condition: str = ""

    @classmethod
    def failed(cls, failure: MailError) -> "Answer":
        return cls(error=failure.public, condition=failure.condition.name)

    def unwrap(self) -> Any:
        """The result.  MailError when it is an error."""
        if not self.error:
            return self.result
        known = self.condition in Condition.__members__
        raise MailError(Condition[self.condition] if known else Condition.INTERNAL, self.error)

    def encode(self) -> bytes:
        return _line({"error": self.error, "condition": self.condition} if self.error else {"result": self.result})

    @classmethod
    def decode(cls, line: bytes) -> "Answer":
        """ParseFault."""
        match _table(line):
            case {"error": str(error), "condition": str(condition)} if error:
                return cls(error=error, condition=condition)
            case {"result": result}:
                return cls(result)
        raise ParseFault("not an answer")


def _line(table: Mapping[str, Any]) -> bytes:
    return json.dumps({"v": VERSION, **table}, separators=(",", ":")).encode("ascii") + b"\n"


def _table(line: bytes) -> dict[str, Any]:
    try:
        table = json.loads(line)
    except (ValueError, RecursionError):
        raise ParseFault("not JSON") from None
    if not isinstance(table, dict):
        raise ParseFault("not a JSON object")
    if table.get("v") != VERSION:
        raise ParseFault("this command is of another version than the running server; restart the server")
    return table
