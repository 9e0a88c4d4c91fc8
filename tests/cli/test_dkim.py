"""`mailstack dkim` on the files of a server that does not run."""

import pytest

from mailstack.dkim import keys
from tests.cli.world import World


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The making of a key takes a tenth of a second and more."""
    monkeypatch.setattr(keys, "RSA_BITS", 1024)


def test_a_first_pair_signs_at_once(demo: World) -> None:
    said = demo.says("dkim", "new", "demo.test")
    assert "._domainkey.demo.test. 3600 IN TXT " in said
    assert "v=DKIM1; k=ed25519; p=" in said
    assert "Mail from demo.test is signed from now on" in said
    rows = demo.json("dkim", "list")
    assert {row["algorithm"]: row["life"] for row in rows} == {"rsa-sha256": "signs", "ed25519-sha256": "signs"}
    assert "PRIVATE" not in str(rows)


def test_rotate_and_retire(demo: World) -> None:
    demo.run("dkim", "new", "demo.test")
    [first, _] = demo.json("dkim", "list", "demo.test")
    assert "They wait" in demo.says("dkim", "new", "demo.test")
    assert "wait already" in demo.refuses("dkim", "new", "demo.test")
    assert "sign from now on" in (said := demo.says("dkim", "rotate", "demo.test"))
    assert f"mailstack dkim retire demo.test {first['selector']}" in said
    assert f"remove its record: {first['record']}" in demo.says("dkim", "retire", "demo.test", first["selector"])
    assert first["selector"] not in demo.says("dkim", "list")
    assert "no keys of demo.test wait" in demo.refuses("dkim", "rotate", "demo.test")


def test_records_are_printed_again(demo: World) -> None:
    demo.run("dkim", "new", "demo.test")
    [first, _] = demo.json("dkim", "list")
    said = demo.says("dkim", "list", "--records")
    assert first["zone_line"] in said
    assert f"  {first['value']}" in said.splitlines()


def test_only_own_domains(demo: World) -> None:
    assert "elsewhere.test is no domain of this server" in demo.refuses("dkim", "new", "elsewhere.test")
    assert "There is no key." in demo.says("dkim", "list")
    demo.run("dkim", "new", "mail.demo.test")  # the host itself: its reports
    assert demo.json("dkim", "list", "mail.demo.test")
