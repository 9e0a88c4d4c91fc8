"""/metrics, /health/live, /health/ready."""

import json
from collections.abc import Callable, Sequence

from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site

__all__ = ["make_site"]

Text = Callable[[], bytes]
Reasons = Callable[[], Sequence[str]]


class _Page(Resource):
    """One answer, made anew for each GET or HEAD.  (status, content type, octets)"""

    isLeaf = True  # noqa: N815  twisted.web's name

    def __init__(self, make: Callable[[], tuple[int, str, bytes]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._make = make

    def render_GET(self, request: Request) -> bytes:  # noqa: N802  twisted.web's name
        status, content_type, octets = self._make()
        request.setResponseCode(status)
        request.setHeader(b"content-type", content_type.encode())
        request.setHeader(b"cache-control", b"no-store")
        return octets


class _Folder(Resource):
    """Children, and nothing else."""

    def getChild(self, path: bytes, request: Request) -> IResource:  # noqa: ARG002, N802  twisted.web's
        return notFound()


def make_site(metrics: Text, content_type: str, why_not_ready: Reasons) -> Site:
    """`why_not_ready` is empty while the server can take and give mail."""

    def ready() -> tuple[int, str, bytes]:
        reasons = list(why_not_ready())
        body = json.dumps({"ready": not reasons, "reasons": reasons}).encode() + b"\n"
        return (503 if reasons else 200), "application/json", body

    root, health = _Folder(), _Folder()  # type: ignore[no-untyped-call]
    root.putChild(b"metrics", _Page(lambda: (200, content_type, metrics())))
    root.putChild(b"health", health)
    health.putChild(b"live", _Page(lambda: (200, "application/json", b'{"live": true}\n')))
    health.putChild(b"ready", _Page(ready))
    site = Site(root, timeout=30)
    site.displayTracebacks = False
    site.noisy = False
    return site
