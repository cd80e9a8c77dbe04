"""Reads the configuration: defaults, then a TOML file, then the environment, then the command line.

Every problem is collected before any is told, and each says where the value came from, what was
wrong with it and what is accepted. Refuses to guess: an unknown key is an error.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lingpai_server.config.kinds import BadValue, is_loopback
from lingpai_server.config.model import SECTIONS, Config, Setting, all_settings

FILE_VARIABLE = "LINGPAI_CONFIG"
SEALING_KEY_VARIABLE = "LINGPAI_SEALING_KEY"
DEFAULT_FILE = "lingpai.toml"
_PREFIX = "LINGPAI_"

# what must hold between two settings, and how a message says it
_RULES: tuple[tuple[str, str, Callable[[int, int], bool]], ...] = (
    ("sessions.idle_seconds", "sessions.absolute_seconds", lambda idle, limit: idle <= limit),
    ("sessions.grace_seconds", "sessions.idle_seconds", lambda grace, idle: grace < idle),
    ("passwords.memory_kib", "passwords.lanes", lambda memory, lanes: memory >= 8 * lanes),
)
_RULES_IN_WORDS = {
    "sessions.idle_seconds": "at most sessions.absolute_seconds",
    "sessions.grace_seconds": "less than sessions.idle_seconds",
    "passwords.memory_kib": "at least 8 KiB a lane (RFC 9106 section 3.1)",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration, told in one line."""

    where: str
    what: str
    accepted: str = ""

    def __str__(self) -> str:
        ending = f"; accepted: {self.accepted}" if self.accepted else ""
        return f"{self.where}: {self.what}{ending}"


class ConfigError(Exception):
    """The configuration cannot be used. Holds every problem found, in reading order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Loaded:
    """The tree, where each of its values came from, and what was noticed on the way."""

    config: Config
    sources: Mapping[str, str]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    """One value that was given somewhere; `where` is how a message names the place."""

    value: object
    where: str
    folder: Path | None = None


def load_config(
    *,
    file: Path | None = None,
    environ: Mapping[str, str],
    arguments: Mapping[str, object] | None = None,
) -> Loaded:
    """The effective configuration. `arguments` are `section.key` values of the command line.

    Without `file`, the one named by LINGPAI_CONFIG is read, else `lingpai.toml` of the working
    folder if there is one. Raises ConfigError.
    """
    problems: list[Problem] = []
    given = _read_file(_choose_file(file, environ), problems)
    given |= _read_environment(environ, problems)
    given |= {key: _Given(value, f"--{_option(key)}") for key, value in (arguments or {}).items()}
    values = {s.key: _read_value(s, given.get(s.key), problems) for s in all_settings()}
    _check_together(values, given, problems)
    if problems:
        raise ConfigError(problems)
    sources = {key: given[key].where if key in given else "default" for key in values}
    return Loaded(_build(values), sources, tuple(_misspelt_variables(environ)))


def _choose_file(file: Path | None, environ: Mapping[str, str]) -> Path | None:
    if file is not None:
        return file
    if environ.get(FILE_VARIABLE):
        return Path(environ[FILE_VARIABLE])
    default = Path(DEFAULT_FILE)
    return default if default.is_file() else None


def _read_file(file: Path | None, problems: list[Problem]) -> dict[str, _Given]:
    if file is None:
        return {}
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(Problem(str(file), f"cannot be read: {error.strerror}", "a TOML file"))
        return {}
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are both ValueErrors
        problems.append(Problem(str(file), f"is not TOML: {error}"))
        return {}
    return _flatten(document, file, problems)


def _flatten(document: Mapping[str, Any], file: Path, problems: list[Problem]) -> dict[str, _Given]:
    known = {setting.key for setting in all_settings()}
    given: dict[str, _Given] = {}
    for section, table in document.items():
        if section not in SECTIONS:
            problems.append(_unknown(f"{file}:{section}", section, SECTIONS, "section"))
        elif not isinstance(table, dict):
            problems.append(Problem(f"{file}:{section}", "is not a table", f"[{section}]"))
        else:
            for name, value in table.items():
                key = f"{section}.{name}"
                if key in known:
                    given[key] = _Given(value, f"{file}:{key}", file.parent)
                else:
                    problems.append(_unknown(f"{file}:{key}", key, known, "key"))
    return given


def _read_environment(environ: Mapping[str, str], problems: list[Problem]) -> dict[str, _Given]:
    known = {setting.variable: setting for setting in all_settings()}
    given: dict[str, _Given] = {}
    for variable, text in environ.items():
        if not variable.startswith(_PREFIX) or "__" not in variable:
            continue
        if variable in known:
            setting = known[variable]
            given[setting.key] = _Given(setting.kind.from_text(text), variable)
        else:
            problems.append(_unknown(variable, variable, known, "variable"))
    return given


def _misspelt_variables(environ: Mapping[str, str]) -> Iterable[str]:
    """Names with one underscore where two belong. Only a warning, since container platforms set
    variables of such names themselves, after the names of services."""
    meant = {s.variable.replace("__", "_"): s.variable for s in all_settings()}
    for variable in sorted(environ):
        if variable in meant:
            yield f"{variable} is ignored; the setting's variable is {meant[variable]}"


def _read_value(setting: Setting, given: _Given | None, problems: list[Problem]) -> object:
    if given is None:
        return setting.default
    try:
        value = setting.kind.read(given.value)
    except BadValue as error:
        problems.append(Problem(given.where, str(error), setting.kind.accepts))
        return setting.default
    if isinstance(value, Path) and given.folder is not None:
        return given.folder / value
    return value


def _unknown(where: str, name: str, known: Iterable[str], noun: str) -> Problem:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return Problem(where, f"unknown {noun}", f"did you mean {near[0]}?" if near else "")


def _check_together(
    values: dict[str, Any], given: Mapping[str, _Given], problems: list[Problem]
) -> None:
    """Rules between settings; also gives the issuer its default."""
    for key, limit_key, fits in _RULES:
        if not fits(values[key], values[limit_key]):
            where = given[key].where if key in given else f"{key} (default)"
            what = f"{values[key]} does not go with {limit_key} = {values[limit_key]}"
            problems.append(Problem(where, what, _RULES_IN_WORDS[key]))
    if (values["server.tls_certificate_file"] is None) != (values["server.tls_key_file"] is None):
        what = "one of the two is set without the other"
        where = "server.tls_certificate_file and server.tls_key_file"
        problems.append(Problem(where, what, "a certificate has its key beside it"))
    host = values["server.host"]
    if not values["server.issuer"] and is_loopback(host):
        https = values["server.tls_certificate_file"] is not None
        values["server.issuer"] = _loopback_issuer(host, values["server.port"], https=https)
    elif not values["server.issuer"]:
        what = f"has to be set, since server.host ({host}) is not loopback"
        problems.append(Problem("server.issuer", what, "the https URL that clients see"))
    if values["outgoing.loopback"] and not is_loopback(_host_of(values["server.issuer"])):
        where = given["outgoing.loopback"].where
        what = f"does not go with server.issuer = {values['server.issuer']}"
        problems.append(Problem(where, what, "true only for an issuer on loopback"))


def _host_of(issuer: str) -> str:
    return urlsplit(issuer).hostname or ""


def _loopback_issuer(host: str, port: int, *, https: bool) -> str:
    name = f"[{host}]" if ":" in host else host
    scheme, default = ("https", 443) if https else ("http", 80)
    return f"{scheme}://{name}:{port}" if port != default else f"{scheme}://{name}"


def _build(values: Mapping[str, object]) -> Config:
    sections: dict[str, Any] = {}
    for section, cls in SECTIONS.items():
        names = [s.name for s in all_settings() if s.section == section]
        sections[section] = cls(**{name: values[f"{section}.{name}"] for name in names})
    return Config(**sections)


def _option(key: str) -> str:
    """The command line's name for a setting: `--port`, and `--data` for the data folder."""
    return "data" if key == "storage.data_dir" else key.partition(".")[2].replace("_", "-")
