"""The pages, as a client gets them; nothing listens."""

import json

import pytest
from twisted.web.test.requesthelper import DummyRequest

from mailstack.web.site import make_site


def get(path, reasons=(), method=b"GET"):
    site = make_site(lambda: b"mailstack_up_seconds 1.0\n", "text/plain; version=0.0.4", lambda: list(reasons))
    request = DummyRequest(path.strip("/").encode().split(b"/"))
    request.method = method
    resource = site.resource
    while request.postpath and not resource.isLeaf:
        resource = resource.getChildWithDefault(request.postpath.pop(0), request)
    octets = resource.render(request)
    return request.responseCode or 200, request.responseHeaders.getRawHeaders("content-type"), octets


def test_metrics():
    assert get("/metrics") == (200, ["text/plain; version=0.0.4"], b"mailstack_up_seconds 1.0\n")


def test_live():
    assert get("/health/live")[0] == 200


def test_ready():
    status, _, body = get("/health/ready")
    assert (status, json.loads(body)) == (200, {"ready": True, "reasons": []})
    status, _, body = get("/health/ready", ["the store is degraded: I/O error"])
    assert (status, json.loads(body)) == (503, {"ready": False, "reasons": ["the store is degraded: I/O error"]})


@pytest.mark.parametrize("path", ["/nothing", "/health/other"])
def test_there_is_nothing_else(path):
    status, _, _ = get(path)
    assert status == 404
