"""Templates, filled in and escaped. The only module that knows the template engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from lingpai_server.console.assets import Asset, load_assets
from lingpai_server.console.catalogue import say, say_plainly
from lingpai_server.console.languages import Language
from lingpai_server.console.page_headers import NO_FORM, OWN_REFERRER, page_headers
from lingpai_server.http.answers import Answer, Headers

LANGUAGE_PARAMETER = "lang"


@dataclass(frozen=True, slots=True)
class Page:
    """One page to be shown. `here` is the address, below the issuer, that shows it again by GET;
    None where there is none, and then no other language can be chosen."""

    template: str
    title: str
    language: Language
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    here: str | None = field(default=None, repr=False)
    status: int = 200
    form_action: str = NO_FORM
    script: bool = False
    referrer: str = OWN_REFERRER
    headers: Headers = ()


class Renderer:
    """Turns pages into answers, for one issuer."""

    def __init__(self, issuer: str) -> None:
        self.assets: Mapping[str, Asset] = load_assets()
        self.base = urlsplit(issuer).path.removesuffix("/")
        self.issuer_name = urlsplit(issuer).netloc
        self._environment = Environment(
            loader=PackageLoader("lingpai_server.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals["asset"] = self._asset_url

    def link(self, path: str, language: Language | None = None, /, **parameters: str) -> str:
        """An address of ours, with its query."""
        chosen = {} if language is None else {LANGUAGE_PARAMETER: language.value}
        query = urlencode(parameters | chosen)
        return f"{self.base}{path}" + (f"?{query}" if query else "")

    def render(self, page: Page) -> Answer:
        """The page as an answer."""
        headers = page_headers(page.form_action, script=page.script, referrer=page.referrer)
        language = page.language
        text = self._environment.get_template(f"{page.template}.html").render(
            page.values,
            t=partial(say, language),
            plainly=partial(say_plainly, language),
            title=page.title,
            language=language,
            other=language.other,
            t_other=partial(say, language.other),
            switch_to=self._switch(page),
            base=self.base,
            issuer=self.issuer_name,
        )
        return Answer(page.status, (*headers, *page.headers), text.encode("utf-8"))

    def _asset_url(self, name: str) -> str:
        return self.base + self.assets[name].path

    def _switch(self, page: Page) -> str | None:
        if page.here is None:
            return None
        chosen = urlencode({LANGUAGE_PARAMETER: page.language.other.value})
        return page.here + ("&" if "?" in page.here else "?") + chosen
