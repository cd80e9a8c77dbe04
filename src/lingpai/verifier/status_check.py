"""StatusCheck: what the view of an issuer's statuses says of one token. Waits for nothing.

Where the view cannot answer it raises StatusUnavailable, which names the list that would help;
whoever may wait asks for that list and checks again.
"""

from __future__ import annotations

import math

from lingpai.errors import StatusUnavailable, StatusUnknown, TokenRevoked
from lingpai.jwt.policy import IGNORE_STATUS, Policy
from lingpai.jwt.status_list import Status, StatusReference, read_reference, refuse_status
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.status_keeper import StatusKeeper
from lingpai.verifier.status_view import HeldList

__all__ = ["StatusCheck"]

ASK_EARLY = 0.25  # of the greatest age: who stays asks for a list so long before it is too old


class StatusCheck:
    """The `StatusSource` of one call: the verifier's view, and how old it may be."""

    __slots__ = ("_keeper", "_max_age_seconds")

    def __init__(self, keeper: StatusKeeper, max_age_seconds: float) -> None:
        self._keeper = keeper
        self._max_age_seconds = max_age_seconds

    def check(self, token: VerifiedToken, policy: Policy) -> None:
        """Returns for a token that is good. Raises TokenRevoked, TokenSuspended, TokenStale,
        StatusUnavailable, StatusUnknown or StatusUnchecked."""
        view = self._keeper.view
        if token.header.kid in view.revoked_kids:
            raise TokenRevoked("the issuer revoked the key that signed this token")
        if view.denied and token.token_id in view.denied:
            raise TokenRevoked("the issuer revoked this one token")
        if policy.status is IGNORE_STATUS:
            return
        reference = read_reference(token.claims)
        if reference is not None:
            self._check_reference(reference, policy)

    def keep_fresh(self, token: VerifiedToken, policy: Policy) -> float:
        """Up to when, on the keeper's clock, what is known now suffices for a token that `check`
        let pass. Its list is asked for where that will be soon."""
        reference = None if policy.status is IGNORE_STATUS else read_reference(token.claims)
        if reference is None or policy.on_stale == "accept":
            return math.inf
        held = self._keeper.view.lists.get(reference.uri)
        if held is None:  # dropped a moment ago
            return -math.inf
        until = self._keeper.view.as_of(held) + self._max_age_seconds
        if until - self._keeper.clock() < self._max_age_seconds * ASK_EARLY:
            self._keeper.want(reference.uri)
        return until

    def _check_reference(self, reference: StatusReference, policy: Policy) -> None:
        held = self._keeper.view.lists.get(reference.uri)
        if held is None:
            if self._keeper.view.is_missing(reference.uri, self._keeper.clock()):
                raise StatusUnknown(f"the issuer has no status list {reference.uri} (any more)")
            raise StatusUnavailable(f"the status list {reference.uri} is not here", reference.uri)
        status = held.lookup(reference.index)
        if status != Status.VALID:  # what was revoked stays so, however old the view is
            refuse_status(status, reference.index, held.size)
        age = self._age(held)
        if not age <= self._max_age_seconds and policy.on_stale == "refuse":
            raise StatusUnavailable(
                f"the view of {reference.uri} is {age:.0f} s old, "
                f"accepted are {self._max_age_seconds:.0f} s",
                reference.uri,
            )

    def _age(self, held: HeldList) -> float:
        return self._keeper.clock() - self._keeper.view.as_of(held)
