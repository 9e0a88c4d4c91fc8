"""The sample file is made from the model, and says the same as the model."""

import re
from pathlib import Path

from mailstack.config.load import load
from mailstack.config.model import Config, Tls
from mailstack.config.sample import sample, show
from mailstack.config.setting import settings

ETC = Path(__file__).parents[2] / "etc" / "mailstack.toml"


def test_etc_is_the_sample() -> None:
    assert ETC.read_text("utf-8") == sample(), "run: mailstack config sample > etc/mailstack.toml"


def test_as_it_is() -> None:
    config = load(sample())
    assert config == Config(
        hostname="mail.example.org",
        tls=Tls(certificate=config.tls.certificate, key=config.tls.key),
    )


def test_with_every_setting_switched_on() -> None:
    """What stands behind a # is good TOML and the default, where it is not an example."""
    whole = load(re.sub(r"(?m)^#(?=[a-z\[])", "", sample()))
    assert len(whole.tls.extra) == 1
    assert whole.relay.smarthost.user == "postmaster@example.org"
    assert whole.limits == Config(hostname="a.b").limits
    assert whole.listeners == Config(hostname="a.b").listeners


def test_every_setting_is_explained() -> None:
    for known in settings(Config):
        assert known.doc.endswith("."), known.name
        assert known.why, known.name


def test_show_reads_back() -> None:
    config = load(re.sub(r"(?m)^#(?=[a-z\[])", "", sample()))
    assert load(show(config)) == config
