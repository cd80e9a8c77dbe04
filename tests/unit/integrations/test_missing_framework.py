"""A framework that is not installed is named, and nothing else of the library needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("fastapi", "fastapi"),
        ("litestar", "litestar"),
        ("django", "django"),
        ("rest_framework", "rest_framework"),
        ("grpc", "grpc"),
    ],
)
def test_the_error_says_what_to_install(module: str, package: str) -> None:
    program = (
        f"import sys; sys.modules['{package}'] = None\n"
        f"import lingpai.integrations.asgi\n"
        f"import lingpai.integrations.{module}\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert f"lingpai.integrations.{module} needs" in done.stderr
    assert "pip install" in done.stderr


def test_plain_asgi_loads_no_framework() -> None:
    program = (
        "import sys, lingpai.integrations.asgi\n"
        "frameworks = ('fastapi', 'litestar', 'starlette', 'django', 'grpc')\n"
        "print([m for m in frameworks if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
