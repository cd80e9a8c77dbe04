"""What the configuration comes to: the values that the parts are made with."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from lingpai.jose import base64url
from lingpai_server.config.loader import ConfigError, load_config
from lingpai_server.config.model import Config, all_settings
from lingpai_server.config.policies import outgoing_policy, registration_policy
from lingpai_server.core.client_settings import SecurityProfile
from lingpai_server.protocol.grants import CLIENT_CREDENTIALS
from lingpai_server.protocol.registration import RegistrationMode, RegistrationPolicy

DIGEST = base64url.encode(bytes(range(32)))


def load(**variables: str) -> Config:
    environ = {f"LINGPAI_{name}": value for name, value in variables.items()}
    return load_config(environ=environ).config


def test_defaults_are_those_of_the_policies() -> None:
    assert registration_policy(Config()) == RegistrationPolicy()
    assert registration_policy(Config()).mode is RegistrationMode.CLOSED
    assert outgoing_policy(Config()).loopback is False


def test_every_mode_can_be_configured() -> None:
    (mode,) = [setting for setting in all_settings() if setting.key == "registration.mode"]
    for known in RegistrationMode:
        assert mode.kind.read(known.value) == known


def test_registration_is_read() -> None:
    policy = registration_policy(
        load(
            REGISTRATION__MODE="token",
            REGISTRATION__INITIAL_ACCESS_TOKENS=DIGEST,
            REGISTRATION__AUDIENCES="https://a.example, https://b.example",
            REGISTRATION__PROFILES="oidc,oauth21",
            REGISTRATION__GRANT_TYPES="client_credentials",
            REGISTRATION__ADDRESS_FREE="3",
            REGISTRATION__METADATA_DOCUMENTS="true",
            REGISTRATION__METADATA_HOSTS="app.example",
            OUTGOING__LOOPBACK="true",
        )
    )
    assert policy.mode is RegistrationMode.TOKEN
    assert policy.initial_tokens == (bytes(range(32)),)
    assert policy.audiences == ("https://a.example", "https://b.example")
    assert policy.profiles == (SecurityProfile.OIDC, SecurityProfile.OAUTH21)
    assert policy.grant_types == (CLIENT_CREDENTIALS,)
    assert policy.throttle.address.free == 3
    assert policy.loopback
    assert policy.metadata_documents
    assert policy.metadata_hosts == ("app.example",)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MODE", "ajar"),
        ("PROFILES", "strict"),
        ("PROFILES", ""),
        ("GRANT_TYPES", "implicit"),
        ("INITIAL_ACCESS_TOKENS", "lp_ia_a-token-and-no-digest"),
        ("INITIAL_ACCESS_TOKENS", DIGEST + "="),
    ],
)
def test_what_cannot_be_registered_by_is_refused(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"LINGPAI_REGISTRATION__{variable}"):
        load(**{f"REGISTRATION__{variable}": value})


def test_outgoing_is_read(tmp_path: Path) -> None:
    policy = outgoing_policy(
        load(
            OUTGOING__ALLOWED_NETWORKS="10.1.0.0/16",
            OUTGOING__CA_FILE=str(tmp_path / "ca.pem"),
            OUTGOING__TIMEOUT_SECONDS="3",
            OUTGOING__PARALLEL="7",
        )
    )
    assert policy.allowed_networks == (ipaddress.ip_network("10.1.0.0/16"),)
    assert policy.ca_file == tmp_path / "ca.pem"
    assert (policy.timeout_seconds, policy.parallel) == (3, 7)
