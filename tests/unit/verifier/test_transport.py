"""The transport on a real socket: what it asks, what it refuses, and that its time is bounded."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.wire import Serve, read_request, server

from lingpai.testing import Behaviour, LoopbackIssuer
from lingpai.verifier.flows import FetchFailed, Get, Response
from lingpai.verifier.transport import HttpTransport

ELSEWHERE = "https://localhost"
LOOPBACK = IPv4Address("127.0.0.1")


def answering(answer: bytes, asked: list[bytes] | None = None) -> Serve:
    def serve(connection: socket.socket) -> None:
        request = read_request(connection)
        if asked is not None and request:
            asked.append(request)
        if request:
            connection.sendall(answer)

    return serve


def fetch(answer: bytes, *, max_bytes: int = 1000) -> Response:
    with server(answering(answer)) as url:
        return HttpTransport(timeout_seconds=5).get(Get(url, max_bytes=max_bytes))


def test_status_headers_and_body_come_back() -> None:
    response = fetch(b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: 2\r\n\r\n{}")
    assert response == Response(200, {"etag": "x", "content-length": "2"}, b"{}")


def test_the_request_says_what_it_wants_and_sends_no_cookie() -> None:
    asked: list[bytes] = []
    with server(answering(b"HTTP/1.1 304 No\r\n\r\n", asked)) as url:
        HttpTransport().get(Get(url + "?a=1", accept="application/x", etag='"v1"'))
    lines = asked[0].decode().lower().split("\r\n")
    assert lines[0] == "get /keys?a=1 http/1.1"
    assert {"accept: application/x", 'if-none-match: "v1"', "accept-encoding: identity"} <= {*lines}
    assert not any(line.startswith(("cookie", "authorization")) for line in lines)


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:  # RFC 8725 section 3.10: SSRF
    response = fetch(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n")
    assert response.status == 302


def test_a_compressed_answer_is_not_inflated() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n"
    assert fetch(head + b"abc").body == b"abc"


def test_an_answer_larger_than_the_limit_is_refused() -> None:
    with pytest.raises(FetchFailed, match="larger than 10 bytes"):
        fetch(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11, max_bytes=10)


def test_an_endless_answer_is_cut_at_the_limit() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                connection.sendall(b"x" * 65_536)
        except OSError:
            return

    with server(serve) as url, pytest.raises(FetchFailed, match="larger"):
        HttpTransport(timeout_seconds=5).get(Get(url))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00" * 100,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_failed_fetch(answer: bytes) -> None:
    with pytest.raises(FetchFailed):
        fetch(answer)


def test_nobody_there_is_a_failed_fetch() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(FetchFailed):
        HttpTransport().get(Get(f"http://127.0.0.1:{port}/"))


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "ftp://127.0.0.1/", "https://a@b/", "x"])
def test_a_url_that_may_not_be_fetched_is_a_failed_fetch(url: str) -> None:
    with pytest.raises(FetchFailed):
        HttpTransport().get(Get(url))


def test_plain_http_on_a_tls_url_is_a_failed_fetch() -> None:
    with server(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as url, pytest.raises(FetchFailed):
        HttpTransport(timeout_seconds=2).get(Get(url.replace("http", "https")))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


def over_tls(certificate: Path) -> Serve:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")(secured)
        except OSError:
            return  # the other side did not like the certificate

    return serve


def test_a_trusted_certificate_for_the_host_is_accepted(certificate: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    with server(over_tls(certificate)) as url:
        answer = HttpTransport(ssl_context=trust).get(Get(url.replace("http", "https")))
    assert answer.body == b"{}"


def test_a_certificate_that_the_system_does_not_trust_is_a_failed_fetch(certificate: Path) -> None:
    with server(over_tls(certificate)) as url, pytest.raises(FetchFailed, match="CERTIFICATE"):
        HttpTransport().get(Get(url.replace("http", "https")))


def test_a_certificate_for_another_host_is_a_failed_fetch(certificate: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    with server(over_tls(certificate)) as url, pytest.raises(FetchFailed, match="CERTIFICATE"):
        HttpTransport(ssl_context=trust).get(Get(url.replace("http://127.0.0.1", ELSEWHERE)))


@pytest.mark.parametrize("behaviour", [Behaviour.HANG, Behaviour.DRIP])
def test_the_time_for_one_request_is_bounded_as_a_whole(behaviour: Behaviour) -> None:
    with LoopbackIssuer() as issuer:
        issuer.behaviour = behaviour
        started = time.monotonic()
        with pytest.raises(FetchFailed, match=r"given up after 0\.\d s"):
            HttpTransport(timeout_seconds=0.3).get(Get(issuer.jwks_uri))
        assert time.monotonic() - started < 2


def test_a_body_that_is_cut_by_the_deadline_is_never_taken_for_a_short_one() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b'{"keys":[]}')
        connection.recv(65_536)
        connection.recv(65_536)  # until the other side gives up

    with server(serve) as url, pytest.raises(FetchFailed, match="given up"):
        HttpTransport(timeout_seconds=0.3).get(Get(url))


def test_cancel_ends_a_request_that_hangs() -> None:
    with LoopbackIssuer() as issuer:
        issuer.behaviour = Behaviour.HANG
        transport = HttpTransport(timeout_seconds=30)
        canceller = threading.Timer(0.1, transport.cancel)
        canceller.start()
        started = time.monotonic()
        with pytest.raises(FetchFailed):
            transport.get(Get(issuer.jwks_uri))
        canceller.join()
        assert time.monotonic() - started < 5


def test_after_a_cancel_the_next_request_goes_well() -> None:
    with LoopbackIssuer() as issuer:
        transport = HttpTransport()
        transport.cancel()
        assert transport.get(Get(issuer.jwks_uri)).status == 200


def test_no_watching_thread_is_left() -> None:
    with LoopbackIssuer() as issuer:
        for _ in range(3):
            HttpTransport().get(Get(issuer.jwks_uri))
        assert not [t for t in threading.enumerate() if isinstance(t, threading.Timer)]
