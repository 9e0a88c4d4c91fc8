"""Asking the running server, and waiting for the answer.  Standard library only."""

import socket
from typing import Any

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.control.wire import ANSWER_LIMIT, Answer, Question

__all__ = ["NobodyThere", "ask"]


class NobodyThere(Exception):
    """No server listens on the socket."""


def ask(path: str, command: str, *, timeout: float = 60.0, **arguments: Any) -> Any:
    """The command's result.  NobodyThere; MailError for what the server refuses and for what goes wrong on the way."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(path)
            connection.sendall(Question(command, arguments).encode())
            line = _read_line(connection)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as failure:
            raise NobodyThere(path) from failure
        except PermissionError:
            raise MailError(
                Condition.NOT_ALLOWED, f"{path} is for root and the server's user only; try again with sudo"
            ) from None
        except TimeoutError:
            raise MailError(
                Condition.UNAVAILABLE, f"the server did not answer within {timeout:.0f} s; look at its log"
            ) from None
        except OSError as failure:
            raise MailError(Condition.UNAVAILABLE, f"no talk with the server on {path}: {failure.strerror}") from None
    try:
        return Answer.decode(line).unwrap()
    except ParseFault as fault:
        raise MailError(Condition.INTERNAL, f"the server's answer makes no sense: {fault}") from None


def _read_line(connection: socket.socket) -> bytes:
    """Up to the line end or the end of the connection; an unfinished line is refused by the grammar."""
    parts: list[bytes] = []
    size = 0
    while size < ANSWER_LIMIT and (data := connection.recv(1 << 16)):
        parts.append(data)
        size += len(data)
        if data.endswith(b"\n"):
            break
    if not parts:
        raise ConnectionResetError(0, "it closed the connection without an answer")
    return b"".join(parts)
