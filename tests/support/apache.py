"""Debian's Apache with mod_auth_openidc before a backend of the tests. Knows no issuer.

Apache speaks https and runs in the foreground, on a loopback port, with nothing of the system's
configuration.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from tests.support.peers import give_up

READY_SECONDS = 20.0
STOP_SECONDS = 10.0
_MODULES: Final = Path("/usr/lib/apache2/modules")
_NEEDED: Final = (
    *("mpm_event", "authn_core", "authz_core", "authz_user"),
    *("ssl", "proxy", "proxy_http", "auth_openidc"),
)
_CONFIGURATION: Final = """
ServerRoot {folder}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex sem
ErrorLog {folder}/error.log
LogLevel warn auth_openidc:info
ServerTokens Prod
{user}
{modules}
SSLEngine on
SSLCertificateFile {certificate}
SSLCertificateKeyFile {certificate}

# what a page behind the gate is told, and what it is not
ProxyRequests Off
ProxyPass /callback !
ProxyPass / {backend}/
<Location />
  Require all granted
</Location>
<Location /claims>
  AuthType openid-connect
  Require valid-user
</Location>
<Location /callback>
  AuthType openid-connect
  Require valid-user
</Location>
{directives}
"""


@dataclass(frozen=True)
class Apache:
    """A running server, and the folder of its log."""

    url: str
    folder: Path

    @property
    def log(self) -> str:
        """What it had to complain of."""
        return (self.folder / "error.log").read_text()


@contextmanager
def apache(
    folder: Path,
    port: int,
    directives: Mapping[str, str | tuple[str, ...]],
    *,
    certificate: Path,
    trusted: Path | None,
) -> Iterator[Apache]:
    """Apache with these directives of mod_auth_openidc. Gives up without either.

    `certificate` has its key beside it in the file; `trusted` is the authority that the module
    believes an issuer by, the system's own where it is None. `/claims` asks for a login; every
    page shows the headers that its backend was given, as JSON.
    """
    program = find_apache()
    with _echo() as backend, _readable(trusted) as bundle:
        given = dict(directives) | ({} if bundle is None else {"OIDCCABundlePath": str(bundle)})
        configuration = folder / "apache.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=folder,
                port=port,
                backend=backend,
                user="User www-data\nGroup www-data" if os.geteuid() == 0 else "",
                modules=_load_modules(),
                certificate=certificate,
                directives="\n".join(map(_directive, given.items())),
            )
        )
        process = subprocess.Popen(
            [program, "-DFOREGROUND", "-f", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _await_ready(process, port)
            yield Apache(f"https://127.0.0.1:{port}", folder)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def find_apache() -> str:
    """Where Apache is. Gives up without it, or without the module."""
    found = shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")
    if found is None or not (_MODULES / "mod_auth_openidc.so").exists():
        packages = "Debian's packages are `apache2-bin` and `libapache2-mod-auth-openidc`"
        give_up("Apache with mod_auth_openidc", packages)
    return found


def _directive(setting: tuple[str, str | tuple[str, ...]]) -> str:
    """One line; several values where there are several."""
    name, value = setting
    values = (value,) if isinstance(value, str) else value
    return " ".join((name, *(f'"{each}"' for each in values)))


def _load_modules() -> str:
    return "\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _NEEDED)


@contextmanager
def _readable(file: Path | None) -> Iterator[Path | None]:
    """A copy that Apache's workers can read: where root tests, they are another user."""
    if file is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        copy = Path(made) / file.name
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o644)
        yield copy


def _await_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        if process.poll() is not None:
            assert process.stderr is not None
            raise AssertionError(f"Apache ended: {process.stderr.read().decode()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, "Apache never listened"
            time.sleep(0.02)
        else:
            return


@contextmanager
def _echo() -> Iterator[str]:
    """A backend that answers with the headers that it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
