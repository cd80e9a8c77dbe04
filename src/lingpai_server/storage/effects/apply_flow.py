"""Which effect of a flow is done by which function. Refuses to leave one out, like apply.py."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.flow_effects import (
    DeleteClient,
    EndBrowser,
    FlowEffect,
    MoveDevice,
    MoveNotice,
    PutConsent,
    PutUserClaims,
    RedeemCode,
    RemoveConsents,
    RenewBrowser,
    ReplaceApi,
    ReplaceClient,
    SlideBrowser,
    Spend,
    StartBrowser,
    StoreCode,
    StoreDevice,
    StorePushed,
    UsePushed,
)
from lingpai_server.core.status_effects import StatusEffect
from lingpai_server.storage.effects import (
    access,
    accounts,
    browsers,
    clients,
    codes,
    consents,
    devices,
    endings,
    notices,
    spent,
)
from lingpai_server.storage.effects.apply_status import apply_status_effect


def apply_flow_effect(
    db: sqlite3.Connection, effect: FlowEffect | StatusEffect
) -> None:  # one table, so long
    """Do one effect in the open transaction.

    Raises StaleState, AlreadyExists, AlreadySpent, NotFound or sqlite3.Error.
    """
    match effect:
        case Spend():
            spent.spend(db, effect)
        case StoreCode():
            codes.store_code(db, effect)
        case RedeemCode():
            codes.redeem_code(db, effect)
        case StorePushed():
            codes.store_pushed(db, effect)
        case UsePushed():
            codes.use_pushed(db, effect)
        case StartBrowser():
            browsers.start_browser(db, effect)
        case SlideBrowser():
            browsers.slide_browser(db, effect)
        case RenewBrowser():
            browsers.renew_browser(db, effect)
        case EndBrowser():
            endings.end_browser(db, effect)
        case StoreDevice():
            devices.store_device(db, effect)
        case MoveDevice():
            devices.move_device(db, effect)
        case PutConsent():
            consents.put_consent(db, effect)
        case RemoveConsents():
            consents.remove_consents(db, effect)
        case MoveNotice():
            notices.move_notice(db, effect)
        case ReplaceClient():
            clients.replace_client(db, effect)
        case DeleteClient():
            clients.delete_client(db, effect)
        case ReplaceApi():
            access.replace_api(db, effect)
        case PutUserClaims():
            accounts.put_user_claims(db, effect)
        case _:
            apply_status_effect(db, effect)
