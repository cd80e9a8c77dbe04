"""From the configuration to the values that the parts of the server are made with. Opens nothing.

The parts know nothing of the configuration, and the configuration nothing of the parts but this.
"""

from __future__ import annotations

import ipaddress

from lingpai.jose import base64url
from lingpai_server.accounts.throttle import ThrottlePolicy, ThrottleRule
from lingpai_server.app.outgoing import OutgoingPolicy
from lingpai_server.config.model import Config
from lingpai_server.core.client_settings import SecurityProfile
from lingpai_server.protocol.registration import RegistrationMode, RegistrationPolicy


def outgoing_policy(config: Config) -> OutgoingPolicy:
    """Whom the server may call."""
    section = config.outgoing
    return OutgoingPolicy(
        allowed_networks=tuple(map(ipaddress.ip_network, section.allowed_networks)),
        loopback=section.loopback,
        ca_file=section.ca_file,
        timeout_seconds=section.timeout_seconds,
        parallel=section.parallel,
    )


def registration_policy(config: Config) -> RegistrationPolicy:
    """What strangers may register."""
    section = config.registration
    return RegistrationPolicy(
        mode=RegistrationMode(section.mode),
        profiles=tuple(map(SecurityProfile, section.profiles)),
        grant_types=section.grant_types,
        audiences=section.audiences,
        initial_tokens=tuple(map(base64url.decode, section.initial_access_tokens)),
        loopback=config.outgoing.loopback,
        metadata_documents=section.metadata_documents,
        metadata_hosts=section.metadata_hosts,
        throttle=ThrottlePolicy(
            address=ThrottleRule(section.address_free, 1, section.address_cap_seconds)
        ),
    )
