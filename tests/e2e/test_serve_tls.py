"""`lingpai serve` speaks https by itself when it is given a certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx2
import pytest
from tests.support.certificates import Authority
from tests.support.server import FAST_PASSWORDS, command, free_port, serving

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    return authority.issue("127.0.0.1")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_issuer_is_https_and_answers_so(
    tmp_path: Path, authority: Authority, certificate: Path, workers: str
) -> None:
    arguments = (
        *("--tls-certificate", str(certificate), "--tls-key", str(certificate)),
        *("--workers", workers),
    )
    with serving(tmp_path, arguments=arguments) as server:
        url = server.url.replace("http:", "https:")
        assert f"lingpai is ready: {url}" in server.output
        trust = ssl.create_default_context(cafile=authority.file)
        answer = httpx2.get(f"{url}/.well-known/openid-configuration", verify=trust)
        assert answer.json()["issuer"] == url
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"{server.url}/healthz")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--tls-certificate", "{certificate}"), "without the other"),
        (("--tls-certificate", "{certificate}", "--tls-key", "absent.pem"), "cannot serve https"),
        (("--tls-certificate", "{authority}", "--tls-key", "{authority}"), "cannot serve https"),
    ],
)
def test_files_that_cannot_be_served_with_are_said_so(
    tmp_path: Path,
    authority: Authority,
    certificate: Path,
    options: tuple[str, ...],
    told: str,
) -> None:
    given = [text.format(certificate=certificate, authority=authority.file) for text in options]
    arguments = ("serve", "--port", str(free_port()), *given)
    ended = command(*arguments, data=tmp_path / "data", environ=FAST_PASSWORDS)
    assert ended.returncode != 0
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
