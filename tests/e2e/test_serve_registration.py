"""A client that registers itself at a running server, and manages what it registered."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from tests.support.server import FAST_PASSWORDS, serving

pytestmark = pytest.mark.process

ORDERS = "https://orders.demo.example"
OPEN = {
    "LINGPAI_REGISTRATION__MODE": "open",
    "LINGPAI_REGISTRATION__AUDIENCES": ORDERS,
    "LINGPAI_REGISTRATION__METADATA_DOCUMENTS": "true",
}


def test_client_registers_where_the_metadata_says(tmp_path: Path) -> None:
    with serving(tmp_path, environ=FAST_PASSWORDS | OPEN) as server, httpx2.Client() as http:
        metadata = http.get(f"{server.url}/.well-known/oauth-authorization-server").json()
        assert metadata["client_id_metadata_document_supported"] is True
        wish = {"redirect_uris": ["https://app.example/cb"], "client_name": "Planner"}
        made = http.post(metadata["registration_endpoint"], json=wish)
        assert made.status_code == 201
        assert "orders:read" in made.json()["scope"].split()
        where = made.json()["registration_client_uri"]
        token = {"authorization": f"Bearer {made.json()['registration_access_token']}"}
        assert http.get(where, headers=token).json()["client_name"] == "Planner"
        assert http.get(where).status_code == 401
        assert http.delete(where, headers=token).status_code == 204
        assert http.get(where, headers=token).status_code == 401


def test_registration_is_closed_and_not_spoken_of_by_default(tmp_path: Path) -> None:
    with serving(tmp_path) as server, httpx2.Client() as http:
        metadata = http.get(f"{server.url}/.well-known/openid-configuration").json()
        assert "registration_endpoint" not in metadata
        assert "client_id_metadata_document_supported" not in metadata
        wish = {"redirect_uris": ["https://app.example/cb"]}
        assert http.post(f"{server.url}/register", json=wish).status_code == 403
        assert metadata["end_session_endpoint"] == f"{server.url}/end-session"
