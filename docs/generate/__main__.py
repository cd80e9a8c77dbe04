"""Writes every generated page and picture, or with `--check` says which are stale.

python -m docs.generate [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from docs.generate import errors_page, flow_picture, timeline_picture

from lingpai_server.config import reference


def generated() -> Iterator[tuple[Path, str]]:
    """Each file, from the root of the repository, and what should stand in it."""
    yield errors_page.TARGET, errors_page.render()
    yield reference.TARGET, reference.render_reference()
    for picture in flow_picture.PICTURES:
        yield flow_picture.FOLDER / picture.name, flow_picture.render(picture)
    for timeline in timeline_picture.PICTURES:
        yield timeline_picture.FOLDER / timeline.name, timeline_picture.render(timeline)


def main(arguments: list[str]) -> int:
    """0 if all is fresh or was written, 1 if something is stale."""
    stale = [
        (path, text)
        for path, text in generated()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if arguments == ["--check"]:
        for path, _ in stale:
            sys.stderr.write(f"{path} is stale: run make docs\n")
        return 1 if stale else 0
    for path, text in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
