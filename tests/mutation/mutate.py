"""Take checks out of a copy of the library, one at a time, and see which tests notice.

python -m tests.mutation.mutate            # all mutants, two at a time
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutation.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lingpai"
# A mutant that cannot even run is no proof that a test notices anything.
BROKEN = ("NameError", "AttributeError", "ImportError", "SyntaxError", "UnboundLocalError")

# Runs in a process of its own: the copy comes first on the path, and only its tests are run.
RUN = """
import json, sys
copy, report, *tests = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path.insert(0, copy)
import lingpai, pytest
assert lingpai.__file__.startswith(copy), lingpai.__file__
failed = {}
class Recorder:
    def pytest_runtest_logreport(self, report):
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            failed[report.nodeid] = crash.message if crash else str(report.longrepr)
options = ["-q", "-p", "no:cacheprovider", "-p", "pytest_timeout", "--timeout=60"]
code = pytest.main([*options, *tests], plugins=[Recorder()])
with open(report, "w") as file:
    json.dump({"code": int(code), "failed": failed}, file)
"""


class TableError(Exception):
    """The table does not fit the code: a check or a test is not where it says."""


def copy_with(mutant: Mutant, folder: Path) -> Path:
    """A copy of the library without the check."""
    copy = folder / "lingpai"
    shutil.copytree(SOURCE, copy)
    for edit in mutant.edits:
        path = copy / edit.path
        text = path.read_text()
        if text.count(edit.text) != 1:
            raise TableError(f"{edit.path} has {text.count(edit.text)} times: {edit.text}")
        path.write_text(text.replace(edit.text, edit.replacement))
    return copy


def failures_with(mutant: Mutant) -> dict[str, str]:
    """The killers that failed with the mutant, by node id, each with its reason."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_with(mutant, folder)
        report = folder / "report.json"
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(folder), str(report), *mutant.node_ids()],
            cwd=ROOT,
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
        if not report.exists():
            raise TableError(f"the tests did not run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        found = json.loads(report.read_text())
    if found["code"] not in (0, 1):
        raise TableError(f"the tests did not run: {done.stdout[-2000:]}")
    failed: dict[str, str] = found["failed"]
    return failed


def survivors(mutant: Mutant) -> list[str]:
    """What does not notice the mutant, or fails for the wrong reason; empty for a good suite."""
    try:
        failed = failures_with(mutant)
    except TableError as error:
        return [str(error)]
    silent = [
        killer
        for killer in mutant.node_ids()
        if not any(node == killer or node.startswith(f"{killer}[") for node in failed)
    ]
    broken = [f"{node}: {why[:200]}" for node, why in failed.items() if why.startswith(BROKEN)]
    return [*silent, *broken]


def main() -> int:
    """Print a line for each mutant; 0 if all were noticed."""
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(survivors, MUTANTS)
        unnoticed = 0
        for mutant, left in zip(MUTANTS, results, strict=True):
            sys.stdout.write(f"{'SURVIVED' if left else 'killed  '} {mutant.name}\n")
            for each in left:
                unnoticed += 1
                sys.stdout.write(f"         {each}\n")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
