"""Durations, sizes, socket addresses."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.config.faults import Unfit
from mailstack.config.units import (
    SocketAddress,
    read_address,
    read_duration,
    read_size,
    write_duration,
    write_size,
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("5d", 432000), ("2w", 1209600), (45, 45), (0.5, 0.5), ("0s", 0)],
)
def test_durations(written: object, seconds: float) -> None:
    assert read_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written", ["", "5", "5 m", "m5", "-5m", "1y", True, -1, None, [], "9" * 40 + "w", 1e300, "\u0665m"]
)
def test_no_durations(written: object) -> None:
    with pytest.raises(Unfit, match="is not a duration; allowed: a number of seconds"):
        read_duration(written)


@pytest.mark.parametrize(
    ("written", "octets"), [("50MiB", 50 << 20), ("64 KiB", 65536), ("1GiB", 1 << 30), ("512B", 512), (998, 998)]
)
def test_sizes(written: object, octets: int) -> None:
    assert read_size(written) == octets


@pytest.mark.parametrize("written", ["", "50", "50MB", "50M", "1.5GiB", "-1B", True, 1.0, -1, None])
def test_no_sizes(written: object) -> None:
    with pytest.raises(Unfit, match="is not a size; allowed: a number of octets"):
        read_size(written)


@given(st.integers(0, 100 * 365 * 86400))
def test_durations_come_back(seconds: int) -> None:
    assert read_duration(write_duration(timedelta(seconds=seconds)).strip('"')) == timedelta(seconds=seconds)


@given(st.integers(0, 1 << 45))
def test_sizes_come_back(octets: int) -> None:
    written = write_size(octets)
    assert read_size(written.strip('"') if written.startswith('"') else int(written)) == octets


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0.0.0.0:25", SocketAddress("0.0.0.0", 25)),
        ("[::]:25", SocketAddress("::", 25)),
        ("[2001:db8::1]:0", SocketAddress("2001:db8::1", 0)),
    ],
)
def test_addresses(written: str, read: SocketAddress) -> None:
    assert read_address(written) == read
    assert str(read) == written


@pytest.mark.parametrize(
    "written",
    [
        "",
        ":25",
        "25",
        "localhost:25",
        "1.2.3.4",
        "1.2.3:25",
        "1.2.3.4:65536",
        "::1:25",
        "systemd:smtp",
        "systemd:a b",
        25,
    ],
)
def test_no_addresses(written: object) -> None:
    with pytest.raises(Unfit, match="is not an IP address and port; allowed:"):
        read_address(written)


def test_usual_port() -> None:
    assert read_address("127.0.0.1", default_port=53) == SocketAddress("127.0.0.1", 53)
    assert read_address("::1", default_port=53) == SocketAddress("::1", 53)
    assert read_address("[::1]", default_port=53) == SocketAddress("::1", 53)
    assert read_address("127.0.0.1:5353", default_port=53) == SocketAddress("127.0.0.1", 5353)
