"""`lingpai check-config`: the effective settings and where each came from, or every problem."""

from __future__ import annotations

import sys

from lingpai_server.cli.options import AsJson, ConfigFile, Data, read_config
from lingpai_server.cli.printing import print_json
from lingpai_server.config.model import all_settings
from lingpai_server.config.reference import show_default


def check_config(config: ConfigFile = None, data: Data = None, as_json: AsJson = False) -> None:
    """Print the effective settings, or what is wrong with them (exit code 2)."""
    loaded = read_config(config, data)
    values = {s.key: getattr(getattr(loaded.config, s.section), s.name) for s in all_settings()}
    for warning in loaded.warnings:
        sys.stderr.write(f"lingpai: {warning}\n")
    if as_json:
        print_json(
            {
                key: {"value": _plain(value), "source": loaded.sources[key]}
                for key, value in values.items()
            }
        )
        return
    lines = {key: f"{key} = {show_default(value)}" for key, value in values.items()}
    width = max(map(len, lines.values()))
    for key, line in lines.items():
        sys.stdout.write(f"{line:<{width}}  # {loaded.sources[key]}\n")


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | str | list | tuple | None) else str(value)
