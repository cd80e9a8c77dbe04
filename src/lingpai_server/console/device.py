"""/device: a person types the code that a device shows, and answers (RFC 8628 section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.console.answers import answer_refusal, see_other
from lingpai_server.console.csrf import check_form
from lingpai_server.console.ports import DecidingDevice
from lingpai_server.console.rendering import Page, Renderer
from lingpai_server.console.views import (
    LoginForm,
    device_code_page,
    device_confirm_page,
    device_login_page,
    done_page,
    hidden,
)
from lingpai_server.console.visits import Visit
from lingpai_server.http.answers import Answer
from lingpai_server.http.exchange import Exchange
from lingpai_server.protocol.device import DevicePrompt
from lingpai_server.protocol.discovery import DEVICE_PATH
from lingpai_server.protocol.errors import ErrorCode, Refusal

_RESULTS = {"allowed": "device.allowed", "denied": "device.denied"}


def device_login(renderer: Renderer, visit: Visit, user_code: str, form: LoginForm) -> Page:
    """The login page of somebody who has a code."""
    return device_login_page(
        form,
        visit.language(),
        hidden(visit.chosen, user_code=user_code),
        here=renderer.link(DEVICE_PATH, user_code=user_code),
    )


@dataclass(frozen=True, slots=True)
class DevicePages:
    """One method an endpoint."""

    issuer: str
    device: DecidingDevice
    renderer: Renderer

    async def get(self, exchange: Exchange) -> Answer:
        """GET /device: ask for the code, then whether it is right; or say how it ended."""
        visit = Visit.of(exchange, exchange.read_query())
        ended = _RESULTS.get(visit.parameters.get("result", ""))
        if ended is not None:
            return self.renderer.render(
                done_page(ended, visit.language(), good=ended == "device.allowed")
            )
        code = visit.parameters.get("user_code")
        if code is None:
            return self._ask_for_code(visit)
        if "other" in visit.parameters:
            return self._ask_for_login(visit, code)
        found = await self.device.load(code, **visit.bearings)
        return (
            self._refuse(visit, code, found)
            if isinstance(found, Refusal)
            else (self._ask(visit, code, found))
        )

    async def post(self, exchange: Exchange) -> Answer:
        """POST /device: the answer."""
        foreign = check_form(exchange, self.issuer)
        visit = Visit.of(exchange, {} if foreign else await exchange.read_form())
        if foreign is not None:
            return answer_refusal(self.renderer, foreign, visit.language())
        code, action = visit.parameters.get("user_code"), visit.parameters.get("action")
        if code is None or action not in {"allow", "deny"}:
            return see_other(self.renderer.link(DEVICE_PATH, visit.chosen))
        decide = self.device.approve if action == "allow" else self.device.deny
        decided = await decide(code, **visit.bearings)
        if isinstance(decided, Refusal):
            return self._refuse(visit, code, decided)
        result = "allowed" if decided.allowed else "denied"
        return see_other(self.renderer.link(DEVICE_PATH, visit.chosen, result=result))

    def _ask(self, visit: Visit, code: str, prompt: DevicePrompt) -> Answer:
        link = self.renderer.link
        page = device_confirm_page(
            prompt,
            visit.language(),
            hidden(visit.chosen, user_code=code),
            here=link(DEVICE_PATH, user_code=code),
            other_account=link(DEVICE_PATH, visit.chosen, user_code=code, other="1"),
        )
        return self.renderer.render(page)

    def _ask_for_login(self, visit: Visit, code: str) -> Answer:
        return self.renderer.render(device_login(self.renderer, visit, code, LoginForm()))

    def _ask_for_code(self, visit: Visit, code: str = "", refusal: Refusal | None = None) -> Answer:
        page = device_code_page(
            visit.language(),
            hidden(visit.chosen),
            here=self.renderer.link(DEVICE_PATH),
            user_code=code,
            refusal=refusal,
        )
        return self.renderer.render(page)

    def _refuse(self, visit: Visit, code: str, refusal: Refusal) -> Answer:
        if refusal.code is ErrorCode.LOGIN_REQUIRED:
            return self._ask_for_login(visit, code)
        return self._ask_for_code(visit, code, refusal)
