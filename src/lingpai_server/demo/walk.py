"""The walk of `lingpai demo`: each step asks the services, checks the answer and says what it was.

A step is a generator of scenes, and the steps are a table. How it asks is in `walk_asking`, how bad
tokens are made in `walk_tokens`; how it all looks is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lingpai_server.demo import notes, orders
from lingpai_server.demo.scenes import Fact, Scene, ShowToken, Step
from lingpai_server.demo.walk_asking import (
    COOKIE,
    USER,
    Walker,
    call,
    call_until_refused,
    check,
    expect_refusal,
    fetches,
    get_machine_token,
    log_out_by_cookie,
    refresh,
    refresh_and_keep,
    refresh_by_cookie,
    refund,
    send_login,
    stats,
    text,
)
from lingpai_server.demo.walk_tokens import expire, tamper, unsign
from lingpai_server.demo.walk_watching import Probe, watch_change

CALLS = 200


def walk(walker: Walker) -> Iterator[Scene]:
    """All steps. Raises WalkFailed where a service does not do what it should."""
    for step in STEPS:
        yield from step(walker)


# --- 1 to 3: log in, call, and nobody is asked ----------------------------------------------------


def log_in(w: Walker) -> Iterator[Scene]:
    yield Step(
        "Log in",
        "The user gives name and password to the issuer, and gets an access token for the Orders"
        " API (five minutes) and a refresh token (days).",
    )
    answer = yield from send_login(w, resource=orders.AUDIENCE)
    w.access, w.refresh = text(answer, "access_token"), text(answer, "refresh_token")
    yield ShowToken("the access token says", w.access)


def call_an_api(w: Walker) -> Iterator[Scene]:
    yield Step(
        "Call an API",
        "The Orders API checks the token by itself: signature, issuer, audience, kind, time, and"
        " the scope that the route asks for.",
    )
    yield from call(w, "/orders", expect=200)


def ask_nobody(w: Walker) -> Iterator[Scene]:
    yield Step(
        "Nobody is asked",
        f"{CALLS} more calls. The issuer's own log tells how often it was asked meanwhile.",
    )
    requests, fetched = w.stage.issuer_requests(), fetches(w)
    slowest = max(w.ask_orders().seconds for _ in range(CALLS))
    asked = w.stage.issuer_requests() - requests
    check(asked == 0 and fetches(w) == fetched, f"the issuer was asked {asked} times")
    found = stats(w)
    yield Fact(
        f"{CALLS} calls answered with 200, the slowest in {slowest * 1000:.0f} ms;"
        f" requests to the issuer meanwhile: {asked}"
    )
    yield Fact(
        f"the API's verifier: {found['verified']} tokens verified, {found['cache_hits']} of them"
        f" remembered; requests of its own, all of them when it started:"
        f" {found['fetches']['requests']} (where the keys are, and the keys)"
    )


# --- 4 to 6: scopes, permissions, roles -----------------------------------------------------------


def lack_a_scope(w: Walker) -> Iterator[Scene]:
    yield Step(
        "A scope is missing",
        "A token that was asked for with the scope orders:read only: reading passes, and a refund,"
        " which needs orders:write, does not.",
    )
    answer = yield from send_login(w, resource=orders.AUDIENCE, scope="orders:read")
    narrow = text(answer, "access_token")
    yield ShowToken("the access token says", narrow, ("aud", "scope"))
    yield from call(w, "/orders", token=narrow, expect=200)
    yield from refund(w, narrow, expect=403, reason="insufficient_scope")


def gain_a_permission(w: Walker) -> Iterator[Scene]:
    yield Step(
        "A permission comes with a role",
        "Scopes say what the app may do, permissions what the user may do. The first token has the"
        " scope orders:write, but its user is a clerk, and a refund is for managers. An"
        " administrator grants the role while the app goes on asking with its token. Of a sudden"
        " the token no longer tells the truth, and the API says so: refresh it. The app does, and"
        " nobody has to log in again.",
    )
    yield from refund(w, w.access, expect=403, reason="insufficient_permission")
    probe = Probe("orders", f"{w.stage.orders}/orders", w.access)
    command, (arrival,) = watch_change(
        w.stage,
        [probe],
        lambda: w.stage.run("user", "grant", USER, "manager", "--api", orders.AUDIENCE),
    )
    yield command
    yield from expect_refusal("orders", "GET /orders", arrival.answer, 401, "token_stale")
    yield Fact(
        f"{arrival.milliseconds:.0f} ms after the administrator's change, its commit included, the"
        " API knew that this token is out of date"
    )
    yield from refresh_and_keep(w)
    yield ShowToken("the new access token says", w.access, ("scope", "roles", "permissions"))
    yield from refund(w, w.access, expect=200)


def revoke_everything(w: Walker) -> Iterator[Scene]:
    yield Step(
        "Revoke, and watch two services refuse",
        "The user is logged in to two APIs, and both check tokens by themselves. An administrator"
        " ends all sessions of the user while both are asked without a pause. The issuer tells them"
        " over the stream that each of them listens to.",
    )
    probes = []
    for name, url, audience in (
        ("orders", f"{w.stage.orders}/orders", orders.AUDIENCE),
        ("notes", f"{w.stage.notes}/notes", notes.AUDIENCE),
    ):
        answer = yield from send_login(w, resource=audience)
        probes.append(Probe(name, url, text(answer, "access_token")))
    command, arrivals = watch_change(
        w.stage, probes, lambda: w.stage.run("user", "end-sessions", USER)
    )
    yield command
    for arrival in arrivals:
        request = f"GET /{arrival.service}"
        yield from expect_refusal(arrival.service, request, arrival.answer, 401, "token_revoked")
    took = " and ".join(f"{a.milliseconds:.0f} ms ({a.service})" for a in arrivals)
    yield Fact(
        f"refused {took} after the change, with minutes left to live; the issuer was not asked"
    )
    answer = yield from send_login(w, resource=orders.AUDIENCE)
    w.access, w.refresh = text(answer, "access_token"), text(answer, "refresh_token")
    w.spent.clear()
    yield from refresh_and_keep(w)


# --- 8 and 9: refreshing --------------------------------------------------------------------------


def refresh_twice(w: Walker) -> Iterator[Scene]:
    yield Step(
        "The same refresh twice",
        "A refresh token is good once: each refresh gives the next one, and the number in it"
        " counts them. But answers get lost and"
        " two tabs refresh at once, so for ten seconds the one before the current gets the same"
        " answer again, and nobody is logged out.",
    )
    answer = yield from refresh(w, w.spent[-1], expect=200)
    check(answer.members["refresh_token"] == w.refresh, "the grace answer gave another token")
    yield Fact("the same current refresh token came back: nothing was lost, nothing was doubled")


def reuse_an_old_one(w: Walker) -> Iterator[Scene]:
    yield Step(
        "A stolen refresh token",
        "One more refresh, and the first token is two steps old: nobody honest has a reason to"
        " send it now, in the grace time or not. Somebody copied it, so the whole family ends, the"
        " current token with it, and every access token that came of it.",
    )
    yield from refresh_and_keep(w)
    yield from refresh(w, w.spent[0], expect=400)
    yield from refresh(w, w.refresh, expect=400)
    yield from call_until_refused(w, "/orders", reason="token_revoked")
    yield Fact("the family is revoked: thief and user both have to log in, and one of them can")


# --- 10 and 11: machines, and the end of a session ------------------------------------------------


def act_as_a_machine(w: Walker) -> Iterator[Scene]:
    yield Step(
        "A machine, without a user",
        "A nightly job has an identity of its own. It shows its secret, and gets a token for the"
        " Notes API: no user, no session, no refresh token.",
    )
    token = yield from get_machine_token(w)
    yield ShowToken("the access token says", token, ("sub", "aud", "client_id", "scope"))
    yield from call(w, "/notes", token=token, expect=200)


def log_out(w: Walker) -> Iterator[Scene]:
    yield Step(
        "Log out",
        "In a browser the refresh token lives in a cookie that no script of the page can read."
        " Logging out ends the session at the issuer, takes the cookie away, and tells every API.",
    )
    answer = yield from send_login(w, resource=orders.AUDIENCE, cookie=True)
    w.access = text(answer, "access_token")
    cookie = answer.headers.get("set-cookie", "").partition(";")[0]
    check(cookie.startswith(f"{COOKIE}="), "no cookie came")
    check("refresh_token" not in answer.members, "a page could read the refresh token")
    yield from log_out_by_cookie(w, cookie)
    yield from refresh_by_cookie(w, cookie, expect=400)
    yield from call_until_refused(w, "/orders", reason="token_revoked")


# --- 12 and 13: bad tokens, and an issuer that is away --------------------------------------------


def show_bad_tokens(w: Walker) -> Iterator[Scene]:
    yield Step(
        "Bad tokens",
        "A good token, and four bad ones made of it. Each is refused by the API itself, with 401"
        " and the reason.",
    )
    answer = yield from send_login(w, resource=orders.AUDIENCE)
    w.access = text(answer, "access_token")
    tampered = tamper(w.access, sub="somebody-else")
    yield Fact("tampered: a good token, its payload changed to name somebody else")
    yield from call(w, "/orders", token=tampered, expect=401, reason="signature_invalid")
    yield Fact(
        "expired: no API issues tokens that are too old, and nobody wants to wait five minutes."
        " This demo owns the issuer's folder, so it takes the signing key there and signs a token"
        " that ended an hour ago and is right in all else"
    )
    expired = w.sign_anything(expire(w.access))
    yield from call(w, "/orders", token=expired, expect=401, reason="token_expired")
    yield Fact("wrong audience: a good token, but for the Orders API, shown to the Notes API")
    yield from call(w, "/notes", token=w.access, expect=401, reason="audience_mismatch")
    yield Fact("alg none: nobody signed it, and its header says that nobody need to")
    unsigned = unsign(w.access)
    yield from call(w, "/orders", token=unsigned, expect=401, reason="unknown_algorithm")


def close_the_issuer(w: Walker) -> Iterator[Scene]:
    yield Step(
        "The issuer is away",
        "The issuer is stopped, and the API is shown a token that it has not seen before. The"
        " gate knows the seal, so it need not ask the palace.",
    )
    w.stage.stop("issuer")
    yield Fact("the issuer's process has ended")
    yield from call(w, "/orders", expect=200)


STEPS: tuple[Callable[[Walker], Iterator[Scene]], ...] = (
    log_in,
    call_an_api,
    ask_nobody,
    lack_a_scope,
    gain_a_permission,
    revoke_everything,
    refresh_twice,
    reuse_an_old_one,
    act_as_a_machine,
    log_out,
    show_bad_tokens,
    close_the_issuer,
)
