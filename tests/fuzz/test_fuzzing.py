"""A short run of the fuzzer in its own process; `python -m tests.fuzz.target` runs a long one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.support.jose_keys import key_for
from tests.support.proofs import proof
from tests.support.tokens import claims, encode, header, part, private_key, public_pem, token

from lingpai.jose.jwe import encrypt_compact
from lingpai.jose.jws_json import sign_flattened
from lingpai.jwt.status_list import StatusList

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this Python"),
]

SECONDS = int(os.environ.get("LINGPAI_FUZZ_SECONDS", "15"))
ROOT = Path(__file__).parents[2]


def seeds() -> list[bytes]:
    """One good input for each parser, in the order of `target.TARGETS`; the fuzzer goes on."""
    encrypted = encrypt_compact(token().encode(), key_for("A128KW"), header={"cty": "JWT"})
    signed = sign_flattened(part(claims()), key_for("HS256"))
    status = {"bits": 2, "lst": StatusList.of([1, 2, 3], bits=2).to_claim()["lst"]}
    return [
        encode(bytes(range(64))).encode(),
        part(claims(nested={"a": [1, -2.5e3, True, None, "é"]})),
        part(header(kid="k", crit=["b64"], b64=False)),
        part({"keys": [private_key("ES256").public.to_jwk()]}),
        public_pem("ES256"),
        part(claims(iss="i", aud="a", cnf={"jkt": "x"})),
        json.dumps(signed).encode(),
        encrypted.encode(),
        proof().encode(),
        part(status),
    ]


def test_no_input_gets_past_the_documented_refusals(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(bytes([number]) + seed)
        (corpus / f"raw-{number}").write_bytes(bytes([5]) + token().encode())
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.target", str(corpus)),
            *(f"-max_total_time={SECONDS}", "-timeout=10", "-rss_limit_mb=2048"),
            *(f"-artifact_prefix={tmp_path}/", "-print_final_stats=1"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS + 60,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert runs is not None
    assert int(runs[1]) > 1000
