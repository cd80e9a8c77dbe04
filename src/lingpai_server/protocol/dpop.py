"""DPoP at the issuer's endpoints (RFC 9449 sections 5 and 8): one proof, its nonce, its single use.

Pure: sealing a nonce and marking a proof as used are the caller's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lingpai.errors import InvalidProof
from lingpai.jose import base64url
from lingpai.jwt.dpop import VerifiedProof, check_proof
from lingpai_server.core.flow_effects import Spend
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse

SPENT_PROOF = "dpop"
NONCE_PURPOSE = "dpop_nonce"
NONCE_SECONDS = 300
_LEEWAY_SECONDS = 10  # another process may have sealed it by a clock that is ahead


def check_dpop(
    proofs: tuple[str, ...],
    *,
    method: str,
    url: str,
    algorithms: Collection[str],
    now: float,
    access_token: str | None = None,
) -> VerifiedProof | Refusal | None:
    """The proof of a request to `url`, which is ours as configured, not as any header names it.

    `proofs` are the values of all DPoP headers: None without one, refused with more (section 4.3).
    With an `access_token` the proof has to be for that one, too (section 7).
    """
    if not proofs:
        return None
    if len(proofs) > 1:
        return refuse_proof("dpop_header_repeated")
    try:
        return check_proof(
            proofs[0],
            method=method,
            url=url,
            now=now,
            access_token=access_token,
            allowed_algorithms=algorithms,
        )
    except InvalidProof as refusal:
        return refuse_proof(f"dpop_proof_refused: {refusal}")


def nonce_members(now: float) -> Mapping[str, Any]:
    """What is sealed into a nonce."""
    return {"at": int(now)}


def check_nonce(
    nonce: str | None, opened: Mapping[str, Any] | None, *, required: bool, now: float
) -> Refusal | None:
    """Section 8: a nonce that is there must be ours and recent. `opened` is what was sealed in it,
    None if it is not of our making."""
    if nonce is None:
        return refuse_nonce("dpop_nonce_missing") if required else None
    at = None if opened is None else opened.get("at")
    if not isinstance(at, int) or not -_LEEWAY_SECONDS <= now - at <= NONCE_SECONDS:
        return refuse_nonce("dpop_nonce_not_ours_or_old")
    return None


def spend_proof(proof: VerifiedProof) -> Spend:
    """Section 11.1: remembered until its age alone refuses it."""
    digest = base64url.decode(proof.replay_key)
    return Spend(SPENT_PROOF, digest, int(proof.remember_until) + 1)


def refuse_proof(reason: str, description: str = "The DPoP proof is not valid.") -> Refusal:
    """Section 5. What was wrong is for our own log: it may quote what was sent."""
    return refuse(ErrorCode.INVALID_DPOP_PROOF, reason=reason, description=description)


def refuse_nonce(reason: str) -> Refusal:
    """Section 8: try again with the nonce that comes along."""
    return refuse(
        ErrorCode.USE_DPOP_NONCE,
        reason=reason,
        description="The DPoP proof needs a nonce of this server.",
    )
