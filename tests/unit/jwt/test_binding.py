"""A token that is bound to a key is good only with proof of that key (RFC 7800, 8705, 9449)."""

from __future__ import annotations

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, accept, token

from lingpai import IGNORE_BINDING, Policy, errors

JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
X5T = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
IGNORING = Policy(issuer=ISSUER, audience=AUDIENCE, typ="at+jwt", binding=IGNORE_BINDING)


def test_a_bound_token_passes_with_the_proof() -> None:  # RFC 9449 section 6.1
    accept(token(cnf={"jkt": JKT}), jkt=JKT)


def test_a_bound_token_without_proof_is_refused() -> None:  # RFC 9449 section 7.2: sent as Bearer
    with pytest.raises(errors.MissingProof, match="jkt"):
        accept(token(cnf={"jkt": JKT}))


def test_the_proof_of_another_key_is_refused() -> None:
    with pytest.raises(errors.InvalidProof, match="another key than jkt"):
        accept(token(cnf={"jkt": JKT}), jkt=X5T)


def test_a_certificate_bound_token_passes_with_the_certificate() -> None:  # RFC 8705 section 3
    accept(token(cnf={"x5t#S256": X5T}), x5t_s256=X5T)


def test_a_certificate_bound_token_without_it_is_refused() -> None:
    with pytest.raises(errors.MissingProof, match="x5t#S256"):
        accept(token(cnf={"x5t#S256": X5T}))


def test_another_certificate_is_refused() -> None:
    with pytest.raises(errors.InvalidProof, match="another key than x5t#S256"):
        accept(token(cnf={"x5t#S256": X5T}), x5t_s256=JKT)


def test_a_proof_of_the_wrong_method_is_refused() -> None:
    with pytest.raises(errors.MissingProof):
        accept(token(cnf={"jkt": JKT}), x5t_s256=JKT)


def test_both_bindings_need_both_proofs() -> None:
    both = token(cnf={"jkt": JKT, "x5t#S256": X5T})
    accept(both, jkt=JKT, x5t_s256=X5T)
    with pytest.raises(errors.MissingProof):
        accept(both, jkt=JKT)
    with pytest.raises(errors.MissingProof):
        accept(both, x5t_s256=X5T)


def test_a_proof_for_a_token_that_is_not_bound_is_refused() -> None:  # RFC 9449 section 7.1
    with pytest.raises(errors.InvalidProof, match="bound to no key"):
        accept(token(), jkt=JKT)
    with pytest.raises(errors.InvalidProof, match="bound to no key"):
        accept(token(), x5t_s256=X5T)


@pytest.mark.parametrize(
    "cnf",
    [{"jwk": {}}, {"kid": "k"}, {"jkt": JKT, "new": 1}, {}, [], "x", None, [JKT], {"JKT": JKT}],
    ids=str,
)
def test_a_confirmation_that_is_not_known_is_refused(cnf: object) -> None:  # RFC 7800 section 3
    with pytest.raises(errors.InvalidProof):
        accept(token(cnf=cnf), jkt=JKT)
    with pytest.raises(errors.InvalidProof):
        accept(token(cnf=cnf))


@pytest.mark.parametrize("jkt", [None, 1, True, [JKT], {}, ""], ids=str)
def test_a_thumbprint_of_another_type_is_never_the_proven_one(jkt: object) -> None:
    with pytest.raises(errors.InvalidProof):
        accept(token(cnf={"jkt": jkt}), jkt=JKT)


def test_ignore_binding_accepts_a_bound_token_from_anyone() -> None:
    accept(token(cnf={"jkt": JKT}), IGNORING)
    accept(token(cnf={"unknown": 1}), IGNORING)
    accept(token(), IGNORING, jkt=JKT)
