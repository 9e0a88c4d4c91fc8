"""The client's side of SCRAM, for tests.  RFC 5802 §3"""

import base64
import hashlib
import hmac


class ScramClient:
    """`first()`, `final(server_first)`, `expects()`: the server's last words."""

    def __init__(
        self, name, password, *, nonce="fyko+d2lbbFgONRv9qkxdawL", flag="n", authzid="", binding=b"", sha="sha256"
    ):
        self.password, self.nonce = password.encode(), nonce
        self.header = f"{flag},{'a=' + authzid if authzid else ''},"
        self.binding, self.sha = binding, sha
        self.bare = f"n={name.replace('=', '=3D').replace(',', '=2C')},r={nonce}"

    def first(self):
        return (self.header + self.bare).encode()

    def final(self, server_first):
        fields = dict(part.split("=", 1) for part in server_first.decode().split(","))
        assert fields["r"].startswith(self.nonce)
        assert len(fields["r"]) > len(self.nonce)
        channel = base64.b64encode(self.header.encode() + self.binding).decode()
        unproved = f"c={channel},r={fields['r']}"
        self.auth_message = f"{self.bare},{server_first.decode()},{unproved}".encode()
        self.salted = hashlib.pbkdf2_hmac(self.sha, self.password, base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(self.salted, b"Client Key", self.sha)
        signature = hmac.digest(hashlib.new(self.sha, client_key).digest(), self.auth_message, self.sha)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return f"{unproved},p={base64.b64encode(proof).decode()}".encode()

    def expects(self):
        server_key = hmac.digest(self.salted, b"Server Key", self.sha)
        return b"v=" + base64.b64encode(hmac.digest(server_key, self.auth_message, self.sha))
