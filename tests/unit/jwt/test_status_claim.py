"""A token that carries a status is not accepted where nothing checks it."""

from __future__ import annotations

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, accept, token

from lingpai import IGNORE_STATUS, Policy, errors

STATUS = {"status_list": {"idx": 0, "uri": "https://id.example/l/1"}}


@pytest.mark.parametrize("status", [STATUS, {}, None, {"other": 1}], ids=str)
def test_an_unchecked_status_is_refused(status: object) -> None:
    with pytest.raises(errors.StatusUnchecked, match="IGNORE_STATUS"):
        accept(token(status=status))


def test_ignore_status_waives_it_by_name() -> None:
    policy = Policy(issuer=ISSUER, audience=AUDIENCE, typ="at+jwt", status=IGNORE_STATUS)
    assert accept(token(status=STATUS), policy).claims["status"] == STATUS
