import pytest

from mailstack.dns.resolvconf import read_resolv_conf


@pytest.mark.parametrize(
    ("text", "ips", "trust_ad"),
    [
        ("", ["127.0.0.1"], True),
        ("# nameserver 1.1.1.1\nnameserver 192.0.2.1\nsearch x\n", ["192.0.2.1"], False),
        ("nameserver 127.0.0.53\noptions edns0 trust-ad\n", ["127.0.0.53"], True),
        ("nameserver 192.0.2.1\noptions edns0 trust-ad\n", ["192.0.2.1"], True),
        ("nameserver ::1\nnameserver 192.0.2.1\n", ["::1", "192.0.2.1"], False),
        ("nameserver fe80::1%eth0\n", ["fe80::1%eth0"], False),
        ("nameserver resolver.test\nnameserver\nnonsense\n", ["127.0.0.1"], True),
        ("".join(f"nameserver 192.0.2.{n}\n" for n in range(9)), ["192.0.2.0", "192.0.2.1", "192.0.2.2"], False),
    ],
)
def test_resolv_conf(text, ips, trust_ad):
    servers = read_resolv_conf(text)
    assert [ip for ip, _ in servers.addresses] == ips
    assert servers.trust_ad is trust_ad
