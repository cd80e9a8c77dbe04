"""What a service embeds: it verifies tokens locally; keys and statuses are kept fresh beside it."""

from __future__ import annotations

from lingpai.verifier.jwks import Timing
from lingpai.verifier.metrics import render_metrics
from lingpai.verifier.requirement import Requirement
from lingpai.verifier.stats import Stats, StatusStats
from lingpai.verifier.transport import HttpTransport, Transport
from lingpai.verifier.verifier import Verifier

__all__ = [
    "HttpTransport",
    "Requirement",
    "Stats",
    "StatusStats",
    "Timing",
    "Transport",
    "Verifier",
    "render_metrics",
]
