"""Which status slot the next token of a grant carries."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import FRESH, NOW, SESSION, SLOT

from lingpai.jwt.status_list import Status
from lingpai_server.core.slots import HeldSlot, SlotGrant, SlotRef
from lingpai_server.core.status_effects import TakeSlot
from lingpai_server.protocol.status_slot import choose_slot, slot_of_session

HELD = SlotRef("0123456789abcdef", 1, 7)
GRANT = SlotGrant("spa", "spa", "https://orders.example", "session-1")


def test_a_grant_keeps_a_valid_slot_and_nothing_is_written() -> None:
    held = HeldSlot(HELD, Status.VALID)
    fresh = replace(FRESH, slot=None)
    assert choose_slot(GRANT, held, fresh, held_until=None, now=NOW) == (HELD, ())


@pytest.mark.parametrize("status", [Status.STALE, Status.SUSPENDED, Status.INVALID])
def test_a_slot_that_is_not_valid_is_left_for_a_new_one(status: Status) -> None:
    held = HeldSlot(HELD, status)
    slot, effects = choose_slot(GRANT, held, FRESH, held_until=NOW + 60, now=NOW + 0.5)
    assert slot == SLOT
    assert effects == (TakeSlot(SLOT, GRANT, held, NOW + 60, NOW),)


def test_a_grant_without_a_slot_takes_its_first() -> None:
    slot, effects = choose_slot(GRANT, None, FRESH, held_until=None, now=NOW)
    assert (slot, effects) == (SLOT, (TakeSlot(SLOT, GRANT, None, None, NOW),))


def test_a_needed_slot_that_nobody_offered_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="none was offered"):
        choose_slot(GRANT, None, replace(FRESH, slot=None), held_until=None, now=NOW)


def test_the_slot_of_a_session_is_its_clients_unless_it_was_exchanged() -> None:
    own = slot_of_session(SESSION, "https://orders.example")
    assert own == SlotGrant(
        SESSION.client_id, SESSION.client_id, "https://orders.example", SESSION.session_id
    )
    exchanged = slot_of_session(SESSION, "https://orders.example", client_id="backend")
    assert exchanged == replace(own, client_id="backend")


def test_a_lists_name_says_which_epoch_it_is_of() -> None:
    assert HELD.list_id == "0123456789abcdef-1"
