import pytest

from mailstack.relay.addresses import NotForTheWire, on_the_wire


@pytest.mark.parametrize(
    ("address", "smtputf8", "wire"),
    [
        ("", False, ""),
        ("a@t.test", False, "a@t.test"),
        ("a@b\xfccher.test", False, "a@xn--bcher-kva.test"),
        ("a@b\xfccher.test", True, "a@b\xfccher.test"),
        ("j\xf6rg@t.test", True, "j\xf6rg@t.test"),
    ],
)
def test_addresses(address, smtputf8, wire):
    assert on_the_wire(address, smtputf8=smtputf8) == wire


@pytest.mark.parametrize("address", ["j\xf6rg@t.test", "a@\u2603\u0378.test"])
def test_what_cannot_be_said(address):
    with pytest.raises(NotForTheWire):
        on_the_wire(address, smtputf8=False)
