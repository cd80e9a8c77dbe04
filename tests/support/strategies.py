"""What Hypothesis draws: JSON of every shape, text that no encoding takes, tokens half good."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from tests.support.tokens import claims, encode, header, seal, token

ANY_TEXT = st.text(st.characters(codec=None), max_size=30)  # lone surrogates too
NUMBERS = st.one_of(
    st.integers(),
    st.integers(-(10**320), 10**320),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -1, 2**53, 2**63, 2**64, 1_800_000_000, 1e308, -0.0]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=30))
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
JSON_OBJECTS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.text(max_size=10), JSON_VALUES, max_size=5
)
CLAIM_NAMES = st.sampled_from(
    (
        *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "azp", "scope", "roles"),
        *("permissions", "sid", "auth_time", "nonce", "cnf", "status", "events", "x"),
    )
)
HEADER_NAMES = st.sampled_from(
    (
        *("alg", "typ", "cty", "kid", "crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "zip"),
        *("enc", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "x"),
    )
)
# Signed for real, with some members of any kind: what lies behind the signature is reached.
TOKENS_OF_ANY_CLAIMS = st.dictionaries(CLAIM_NAMES, JSON_VALUES, min_size=1, max_size=2).map(
    lambda members: seal(header(), json.dumps(claims(**members)).encode())
)
TOKENS_OF_ANY_HEADER = st.dictionaries(HEADER_NAMES, JSON_VALUES, max_size=4).map(
    lambda members: seal(json.dumps(header(**members)).encode(), claims())
)
TOKENS_OF_ANY_BYTES = st.tuples(st.binary(max_size=60), st.binary(max_size=60)).map(
    lambda parts: seal(*parts)
)
TOKENS_OF_ANY_PARTS = st.lists(
    st.one_of(
        st.binary(max_size=40).map(encode),
        st.sampled_from(token().split(".")),
        st.text("AZaz09-_=+/ ", max_size=12),
    ),
    max_size=7,
).map(".".join)
TOKENS: st.SearchStrategy[str | bytes] = st.one_of(
    ANY_TEXT,
    st.binary(max_size=60),
    TOKENS_OF_ANY_PARTS,
    TOKENS_OF_ANY_BYTES,
    TOKENS_OF_ANY_HEADER,
    TOKENS_OF_ANY_CLAIMS,
)
