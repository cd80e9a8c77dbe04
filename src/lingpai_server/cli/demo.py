"""`lingpai demo`: the whole flow on this machine, in a folder that is gone afterwards."""

from __future__ import annotations

import asyncio
import io
import secrets
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli.options import EXIT_REFUSED

if TYPE_CHECKING:
    from lingpai_server.cli.demo_printing import Printer
    from lingpai_server.demo.stage import Stage

EXIT_INTERRUPTED = 130


def demo(
    plain: Annotated[
        bool, typer.Option("--plain", help="No colours; so it is too where there is no terminal.")
    ] = False,
    pace: Annotated[
        float,
        typer.Option("--pace", metavar="SECONDS", min=0, max=60, help="Rest between the steps."),
    ] = 0.0,
) -> None:
    """Start an issuer and two APIs, walk the whole flow, and clear it all away.

    Everything runs on free ports of this machine, in a temporary folder, and ends with the command.
    """
    from lingpai_server.cli.demo_printing import Printer
    from lingpai_server.demo.scenes import WalkFailed
    from lingpai_server.demo.stage import Interrupts, open_stage

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without UTF-8 is no reason to stop
    printer, interrupts = Printer(plain=plain), Interrupts()
    with interrupts.installed():
        try:
            with open_stage(interrupts) as stage:
                _play(stage, printer, pace)
        except KeyboardInterrupt:
            printer.say("\nInterrupted: the processes are stopped, the folder is removed.")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except WalkFailed as failure:
            printer.say(f"\nThe demo failed: {failure}", "red")
            raise typer.Exit(EXIT_REFUSED) from None
    printer.say("\nDone: the processes are stopped, the folder is removed.", "bold")


def _play(stage: Stage, printer: Printer, pace: float) -> None:
    from lingpai_server.demo.scenes import Step
    from lingpai_server.demo.walk import walk
    from lingpai_server.demo.walk_asking import Walker

    started = time.perf_counter()
    walker = Walker(stage, secrets.token_urlsafe(18), lambda claims: _sign(stage, claims))
    _set_up(stage, printer, walker.password)
    for scene in walk(walker):
        if isinstance(scene, Step) and pace:
            time.sleep(pace)
        printer.show(scene)
    took = time.perf_counter() - started
    printer.say(f"\nThe issuer answered {stage.issuer_requests()} requests in {took:.1f} s.")


def _set_up(stage: Stage, printer: Printer, password: str) -> None:
    """Three processes, and a user who is a clerk at the Orders API."""
    from lingpai_server.demo import orders
    from lingpai_server.demo.scenes import Step
    from lingpai_server.demo.walk_asking import USER

    printer.show(
        Step(
            "Set up",
            "An issuer and two APIs, three processes on this machine, in a folder that is removed"
            " afterwards. The APIs know nothing of the issuer but its URL.",
        )
    )
    printer.say(f"   = issuer      {stage.issuer}  ready in {stage.start_issuer():.2f} s", "green")
    seconds = stage.start_services()
    printer.say(f"   = Orders API  {stage.orders}  plain ASGI", "green")
    printer.say(f"   = Notes API   {stage.notes}  Litestar; both ready in {seconds:.2f} s", "green")
    printer.show(stage.run("user", "create", USER, "--password-stdin", stdin=password))
    printer.show(stage.run("user", "grant", USER, "clerk", "--api", orders.AUDIENCE))


def _sign(stage: Stage, claims: Mapping[str, Any]) -> str:
    """Sign anything with the issuer's own key, out of the folder that the demo owns."""
    from lingpai_server import main
    from lingpai_server.config.loader import load_config
    from lingpai_server.demo import orders

    arguments: dict[str, object] = {"storage.data_dir": str(stage.data)}
    config = load_config(file=None, environ={}, arguments=arguments).config

    async def sign() -> str:
        async with main.opened(config, {}) as premises:
            keys = await main.open_keys(premises)
            return await keys.sign(
                claims, algorithm="ES256", audience=orders.AUDIENCE, typ="at+jwt"
            )

    return asyncio.run(sign())
