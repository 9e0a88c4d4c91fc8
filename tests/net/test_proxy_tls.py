"""Behind a proxy with TLS from the first octet: the header in the clear, the handshake behind it in the same write."""

import ipaddress
import socket
import ssl

from twisted.internet import reactor

from mailstack.config.model import Tls
from mailstack.net.connection import Setting
from mailstack.net.listen import Bind, Limits, Listener, Total
from mailstack.tls.authority import make_certificate
from mailstack.tls.contexts import ServerContexts
from tests.fakes.reactor import in_reactor
from tests.net.test_connection import ToyEngine, ToySession


def greeting(port):
    """What is said under TLS, header and ClientHello in one write."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    tls = context.wrap_bio(incoming, outgoing)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 465\r\n")
        for step in (tls.do_handshake, lambda: tls.read(100)):
            while True:
                try:
                    result = step()
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    incoming.write(connection.recv(65536))
                else:
                    break
        return result


def test_the_handshake_follows_the_header(tmp_path):
    made = make_certificate(tmp_path, ["mail.demo.test"])
    seen = []

    def sessions(wire):
        seen.append(wire.peer.ip)
        return ToyEngine(), ToySession(wire)

    async def start():
        listener = Listener(
            reactor, "toy", [Bind("127.0.0.1", 0)], passed_sockets={}, total=Total(9), stop_limit_seconds=1
        )
        listener.bind()
        tls = ServerContexts(Tls(certificate=made.certificate, key=made.key))
        limits = Limits(0, 0, b"", (ipaddress.ip_network("127.0.0.1"),))
        listener.open(Setting("toy", reactor, sessions, tls=tls, implicit_tls=True), limits)
        return listener

    async def stop():
        for connection in list(listener.connections):
            connection.abort("the test ends")
        await listener.stopService()

    listener = in_reactor(start)
    try:
        assert greeting(listener.addresses[0][1]) == b"hello\n"
        assert seen == ["192.0.2.7"]
    finally:
        in_reactor(stop)
