"""The issuer that the conformance plans are run against, started as its guide says: on https."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator

import pytest
from tests.conformance.rp import (
    LOGOUT_URI,
    PASSWORD,
    REDIRECT_URI,
    USERNAME,
    Client,
    Flow,
    Provider,
)
from tests.support.certificates import Authority
from tests.support.server import FAST_PASSWORDS, command, free_port, serving

SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access")
CLAIMS = (
    *("name=Ming Li", "given_name=Ming", "family_name=Li", "middle_name=X", "nickname=M"),
    *("preferred_username=ming", "profile=https://ming.example/", "gender=unspecified"),
    *("picture=https://ming.example/picture", "website=https://ming.example/"),
    *("birthdate=2000-01-01", "zoneinfo=Asia/Shanghai", "locale=zh-CN", "updated_at=1700000000"),
    *("email=ming@example.com", "email_verified=true"),
    *("phone_number=+86 10 0000 0000", "phone_number_verified=false"),
    'address={"formatted":"1 Long Street, Beijing","country":"CN"}',
)


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("conformance")
    authority, data = Authority.make(folder), folder / "data"
    certificate = authority.issue("127.0.0.1")

    def run(*arguments: str, stdin: str = "") -> str:
        ended = command(*arguments, data=data, stdin=stdin)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    run("key", "list")  # the first start
    clients = {}
    for name, method in (("basic", "client_secret_basic"), ("post", "client_secret_post")):
        made = json.loads(
            run(
                *("client", "create", f"conformance-{name}", "--profile", "oidc"),
                *("--redirect-uri", REDIRECT_URI, "--post-logout-redirect-uri", LOGOUT_URI),
                *("--auth-method", method, "--json"),
                *(option for scope in SCOPES for option in ("--scope", scope)),
            )
        )
        clients[name] = Client(made["client_id"], made["client_secret"])
    run("user", "create", USERNAME, "--password-stdin", stdin=PASSWORD + "\n")
    run("user", "claims", USERNAME, *(o for claim in CLAIMS for o in ("--set", claim)))
    port = free_port()
    arguments = ("--tls-certificate", str(certificate), "--tls-key", str(certificate))
    environ = {
        **FAST_PASSWORDS,
        "LINGPAI_OUTGOING__LOOPBACK": "true",
        "LINGPAI_THROTTLE__PAIR_FREE": "1000",
    }
    with serving(folder, port=port, arguments=arguments, environ=environ):
        trust = ssl.create_default_context(cafile=authority.file)
        yield Provider(f"https://127.0.0.1:{port}", trust, clients, data)


@pytest.fixture(params=["query", "form_post"], ids=["Basic OP", "Form Post OP"])
def flow(provider: Provider, request: pytest.FixtureRequest) -> Iterator[Flow]:
    """A flow in a new browser. Form Post OP is Basic OP with `response_mode=form_post`."""
    made = Flow(provider, mode=request.param)
    yield made
    made.browser.close()
