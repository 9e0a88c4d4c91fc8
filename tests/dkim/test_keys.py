import stat
from datetime import UTC, datetime

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.dkim import keys
from mailstack.dkim.keys import Life

DAY = datetime(2027, 1, 15, tzinfo=UTC)
DOMAIN = "demo.test"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The making of a key takes a tenth of a second and more."""
    monkeypatch.setattr(keys, "RSA_BITS", 1024)


def lives(folder):
    return {each.selector: each.life for each in keys.kept(str(folder), DOMAIN)}


def test_a_life(tmp_path):
    folder = str(tmp_path)
    first = keys.make(folder, DOMAIN, DAY)
    assert {each.selector: each.life for each in first} == {"20270115e": Life.SIGNS, "20270115r": Life.SIGNS}
    second = keys.make(folder, DOMAIN, DAY)
    assert {each.selector: each.life for each in second} == {"20270115n2e": Life.NEXT, "20270115n2r": Life.NEXT}
    with pytest.raises(MailError) as refused:
        keys.make(folder, DOMAIN, DAY)
    assert refused.value.condition is Condition.IN_USE
    begin, end = keys.rotate(folder, DOMAIN)
    assert {each.selector for each in begin} == {"20270115n2e", "20270115n2r"}
    assert {each.selector for each in end} == {"20270115e", "20270115r"}
    assert lives(folder) == {
        "20270115e": Life.OLD,
        "20270115r": Life.OLD,
        "20270115n2e": Life.SIGNS,
        "20270115n2r": Life.SIGNS,
    }
    with pytest.raises(MailError, match="signs"):
        keys.retire(folder, DOMAIN, "20270115n2r")
    keys.retire(folder, DOMAIN, "20270115r")
    assert "20270115r" not in lives(folder)
    with pytest.raises(MailError, match="has no key"):
        keys.retire(folder, DOMAIN, "20270115r")
    with pytest.raises(MailError, match="wait to sign"):
        keys.rotate(folder, DOMAIN)


def test_files_are_private(tmp_path):
    for each in keys.make(str(tmp_path / "dkim"), DOMAIN, DAY):
        assert stat.S_IMODE(each.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(each.path.parent.stat().st_mode) == 0o700


def test_what_signs(tmp_path):
    folder = str(tmp_path)
    keys.make(folder, DOMAIN, DAY)
    keys.make(folder, DOMAIN, DAY)
    found, faults = keys.signing_keys(folder)
    assert [key.algorithm for key in found[DOMAIN]] == ["ed25519-sha256", "rsa-sha256"]
    assert not faults


def test_a_faulty_file_is_named_and_left_out(tmp_path):
    folder = str(tmp_path)
    [first, _] = keys.make(folder, DOMAIN, DAY)
    first.path.write_text("nonsense")
    found, [fault] = keys.signing_keys(folder)
    assert len(found[DOMAIN]) == 1
    assert str(first.path) in fault
    assert keys.signing_keys(str(tmp_path / "nowhere")) == ({}, [])


def test_published(tmp_path):
    folder = str(tmp_path)
    keys.make(folder, DOMAIN, DAY)
    keys.make(folder, DOMAIN, DAY)
    found = keys.published(folder, DOMAIN)
    assert [selector for selector, _ in found] == [each.selector for each in keys.kept(folder, DOMAIN)]
    assert all(text.startswith("v=DKIM1; k=") for _, text in found)
    assert keys.published(folder, "other.test") == []


def test_records(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "RSA_BITS", 2048)
    [ed, rsa] = [each.read() for each in keys.make(str(tmp_path), DOMAIN, DAY)]
    name, value, line = keys.record(ed)
    assert name == "20270115e._domainkey.demo.test"
    assert value.startswith("v=DKIM1; k=ed25519; p=")
    assert line == f'{name}. 3600 IN TXT "{value}"'
    name, value, line = keys.record(rsa)
    strings = line.split('"')[1::2]
    assert len(strings) == 2
    assert max(map(len, strings)) <= 255
    assert "".join(strings) == value
    assert line.startswith(f"{name}. 3600 IN TXT ( ")
