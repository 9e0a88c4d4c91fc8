"""A module imports its own floor or a lower one, never a higher.  The table is the house; the longest prefix wins."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "mailstack"
FLOORS = {
    "": 0,  # mailstack itself: the version
    "base": 0,
    **dict.fromkeys(["message", "sasl", "smtp", "imap", "pop3", "config", "zone", "dkim", "metrics"], 1),
    **dict.fromkeys(["net", "dns", "tls", "accounts", "store", "queue", "history", "dkim.keys"], 2),
    **dict.fromkeys(["flow", "relay", "reports"], 3),
    **dict.fromkeys(["smtp.server", "imap.server", "pop3.server", "control", "web"], 4),
    **dict.fromkeys(["app", "cli"], 5),
}
# within a floor: who may import whom beside itself; on floors 2 and 4 nobody anybody
WITHIN = {
    "sasl": {"message"},
    "smtp": {"message", "sasl"},
    "imap": {"message", "sasl"},
    "pop3": {"message", "sasl"},
    "config": set(),
    "dkim": {"message"},
    "message": set(),
    "relay": set(),
    "flow": set(),
    "reports": {"relay"},
    "app": {"cli"},
    "cli": {"app"},
}
TWISTED = (
    "net",
    "dns.client",
    "tls",
    "store.scratch",
    "store.service",
    "store.commit",
    "store.watch",
    "queue.runner",
    "relay",
    "app",
    "control.server",
    "web",
)
TWISTED += ("accounts.login", "accounts.hashing")
SQLITE = ("store", "queue", "accounts")
DNSPYTHON = ("dns", "app.demo")


def package(module):
    """The room of a module: the longest prefix that the table names."""
    parts = module.split(".")
    return next(".".join(parts[:n]) for n in range(len(parts), -1, -1) if ".".join(parts[:n]) in FLOORS)


def is_api(module):
    """A package's seams, and the values that they speak of: pure, so that every floor may know them."""
    return module.split(".")[-1] == "api" or module == "store.values"


def floor(module):
    return 1 if is_api(module) else FLOORS[package(module)]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def fault(importer, imported):
    """Why `importer` may not import `imported` (both below mailstack), or None."""
    if is_api(imported) or package(imported) in {package(importer), "", "base"}:
        return None
    if floor(imported) > floor(importer):
        return "reaches up"
    if floor(imported) < floor(importer):
        return None
    allowed = WITHIN.get(package(importer), set())
    return None if package(imported) in allowed or is_api(importer) else "reaches into a neighbour"


def exists(name):
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


@pytest.mark.parametrize(("module", "path"), [pytest.param(m, p, id=m or "mailstack") for m, p in modules()])
def test_floors(module, path):
    for name in imports(path):
        if name == "mailstack" or not name.startswith("mailstack."):
            continue
        imported = name.removeprefix("mailstack.")
        if exists(imported):
            assert fault(module, imported) is None, f"{module} {fault(module, imported)}: {imported}"


def within(module, prefixes):
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)


@pytest.mark.parametrize(
    ("library", "allowed"),
    [("twisted", TWISTED), ("sqlite3", SQLITE), ("dns", DNSPYTHON), ("zope", ("net", "app", "tls", "relay"))],
)
def test_only_these_import(library, allowed):
    strangers = [
        m for m, p in modules() if library in {name.split(".")[0] for name in imports(p)} and not within(m, allowed)
    ]
    assert not strangers


def test_the_table_catches():
    assert fault("imap.view", "net.connection") == "reaches up"
    assert fault("store.service", "queue.spool") == "reaches into a neighbour"
    assert fault("smtp.engine", "imap.engine") == "reaches into a neighbour"
    assert fault("imap.view", "store.api") is None
    assert fault("flow.inbound", "store.api") is None
    assert fault("imap.server.session", "smtp.server.session") == "reaches into a neighbour"
