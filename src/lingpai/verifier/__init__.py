"""What a service embeds: tokens verified locally, keys and statuses held fresh in the background."""

from __future__ import annotations

from lingpai.verifier.jwks import Timing
from lingpai.verifier.requirement import Requirement
from lingpai.verifier.stats import Stats
from lingpai.verifier.transport import HttpTransport, Transport
from lingpai.verifier.verifier import Verifier

__all__ = ["HttpTransport", "Requirement", "Stats", "Timing", "Transport", "Verifier"]
