"""What may stand in the repository: no machine's paths, no foreign hosts, nothing unfinished."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.architecture.sources import ROOT, tracked_files

TEXT = frozenset(
    {".py", ".md", ".toml", ".sql", ".svg", ".json", ".txt", ".mjs", ".js", ".html", ".css", ""}
)
# `.ex` and `.evil` are in no root zone: short names, and look-alikes of a reserved one.
# Data made by others is quoted as it is.
VECTORS = ROOT / "tests/vectors"

UNFINISHED = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX)\b")  # brackets: or it would find itself
MACHINE_PATH = re.compile(r"(?<![\w.$}{~-])/(?:work|root|home|Users)/\w")
HOST = re.compile(r"https?://(?:[^\s/@\"'`<>]*@)?([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
RESERVED = (
    ".example",
    ".ex",
    ".evil",
    ".test",
    ".invalid",
    ".localhost",
    "example.com",
    "example.org",
    "example.net",
)
KNOWN_HOSTS = frozenset(
    {
        "www.w3.org",  # the namespace of SVG
        "www.apache.org",  # the licence
        "www.rfc-editor.org",
        "datatracker.ietf.org",
        "openid.net",
        "keepachangelog.com",
        "semver.org",
        "schemas.openid.net",  # names of events
        "github.com",
        "localhost.emobix.co.uk",  # where the conformance suite runs
        # issuers that many services have
        "accounts.google.com",
        "login.microsoftonline.com",
        "sts.windows.net",
        "token.actions.githubusercontent.com",
        "example.eu.auth0.com",
        "example.okta.com",
        "cognito-idp.eu-west-1.amazonaws.com",
    }
)


def texts() -> list[Path]:
    return [
        path
        for path in tracked_files()
        if path.suffix in TEXT and not path.is_relative_to(VECTORS) and path.name != "LICENSE"
    ]


def finds(pattern: re.Pattern[str]) -> dict[str, list[str]]:
    """What a pattern finds, file by file."""
    found = {path: pattern.findall(path.read_text(encoding="utf-8")) for path in texts()}
    return {str(path.relative_to(ROOT)): hits for path, hits in found.items() if hits}


def is_foreign(host: str) -> bool:
    return not host.lower().endswith(RESERVED) and host.lower() not in KNOWN_HOSTS


def test_nothing_is_left_unfinished() -> None:
    assert not finds(UNFINISHED)


def test_no_path_of_a_machine() -> None:
    assert not finds(MACHINE_PATH)


def test_only_reserved_and_known_hosts_are_named() -> None:
    """RFC 2606: whoever pastes an example must not reach a stranger."""
    foreign = {path: [h for h in hosts if is_foreign(h)] for path, hosts in finds(HOST).items()}
    assert not {path: hosts for path, hosts in foreign.items() if hosts}


def test_lock_files_record_no_download_address() -> None:
    for path in tracked_files():
        if path.name == "package-lock.json":
            packages = json.loads(path.read_text(encoding="utf-8"))["packages"]
            assert not [name for name, entry in packages.items() if "resolved" in entry]


def test_javascript_peers_have_exact_versions() -> None:
    listed = json.loads((ROOT / "tests/package.json").read_text(encoding="utf-8"))
    assert all(version[0].isdigit() for version in listed["dependencies"].values())
