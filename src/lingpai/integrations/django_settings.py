"""`settings.LINGPAI` of a Django project: read strictly, and the one verifier that it describes.

A name that is not known is refused, since a setting that is misspelt would otherwise be off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from lingpai.verifier.verifier import Verifier

__all__ = ["Settings", "default_verifier", "read_settings"]

NAME = "LINGPAI"
OWN = frozenset({"REALM", "RESOURCE_METADATA", "USER", "VERIFIER"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The dictionary, read. `verifier_options` are arguments of `Verifier`."""

    realm: str | None
    resource_metadata: str | None
    user: Callable[[Any], Any] | None
    verifier: Any
    verifier_options: Mapping[str, Any]


def read_settings() -> Settings:
    """Raises ImproperlyConfigured."""
    given = getattr(settings, NAME, None)
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(f"settings.{NAME} is missing, or no dictionary")
    options = {name.lower(): value for name, value in given.items() if name not in OWN}
    if any(name != name.upper() for name in given):
        raise ImproperlyConfigured(f"the names in settings.{NAME} are in upper case")
    if options and "VERIFIER" in given:
        raise ImproperlyConfigured(f"settings.{NAME} has a VERIFIER, and options to make another")
    return Settings(
        realm=given.get("REALM"),
        resource_metadata=given.get("RESOURCE_METADATA"),
        user=_load(given.get("USER")),
        verifier=_load(given.get("VERIFIER")),
        verifier_options=options,
    )


class _Default:
    """The verifier of the process, made with the first request that needs it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._verifier: Verifier | None = None
        self._is_ours = False

    def get(self) -> Verifier:
        verifier = self._verifier
        if verifier is not None:
            return verifier
        with self._lock:
            if self._verifier is None:
                found = read_settings()
                self._is_ours = not isinstance(found.verifier, Verifier)
                self._verifier = _make(found)
            return self._verifier

    def forget(self) -> None:
        """The settings have changed, which they do in tests."""
        with self._lock:
            verifier, self._verifier = self._verifier, None
            is_ours = self._is_ours
        if verifier is not None and is_ours:
            verifier.close()


_default = _Default()
default_verifier = _default.get


def _make(found: Settings) -> Verifier:
    """Fetches nothing yet: a process that is about to fork has no thread and no connection."""
    made = found.verifier
    if made is None:
        try:
            return Verifier(**{"lazy": True, **found.verifier_options})
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(f"settings.{NAME}: {error}") from error
    made = made() if callable(made) else made
    if not isinstance(made, Verifier):
        raise ImproperlyConfigured(f"the VERIFIER of settings.{NAME} is no Verifier, nor makes one")
    return made


def _load(named: Any) -> Any:
    if not isinstance(named, str):
        return named
    try:
        return import_string(named)
    except ImportError as error:
        raise ImproperlyConfigured(f"settings.{NAME}: {error}") from error


def _forget(*, setting: str, **_: Any) -> None:
    if setting == NAME:
        _default.forget()


setting_changed.connect(_forget, dispatch_uid="lingpai.integrations.django_settings")
