"""The checks that keep attackers out, each with what the code is without it, and who must notice.

A mutant is one check taken out, or turned into the mistake that another library made. `killers` are
the tests that must fail with it: a file (see FILES), a test, and where one case is meant, its id.
"""

from __future__ import annotations

from dataclasses import dataclass

FILES = {
    "tokens": "tests/unit/jwt/test_known_vulnerabilities.py",
    "keys": "tests/unit/jwt/test_known_vulnerabilities_keys.py",
    "encryption": "tests/unit/jwt/test_known_vulnerabilities_encryption.py",
    "verifier": "tests/unit/jwt/test_known_vulnerabilities_verifier.py",
    "battery": "tests/unit/jwt/test_malformed_battery.py",
    "times": "tests/unit/jwt/test_times.py",
    "issuer": "tests/unit/jwt/test_issuer_and_audience.py",
    "typ": "tests/unit/jwt/test_typ.py",
    "required": "tests/unit/jwt/test_required_claims.py",
    "profiles": "tests/unit/jwt/test_profiles.py",
    "binding": "tests/unit/jwt/test_binding.py",
    "status": "tests/unit/jwt/test_status_claim.py",
    "nested": "tests/unit/jwt/test_nested.py",
    "remembered": "tests/unit/jwt/test_remembered_token.py",
    "sign": "tests/unit/jwt/test_sign.py",
    "lint": "tests/unit/jwt/test_lint.py",
    "dpop": "tests/unit/jwt/test_dpop.py",
    "uri": "tests/unit/jwt/test_dpop_uri.py",
    "list": "tests/unit/jwt/test_status_list.py",
    "listtoken": "tests/unit/jwt/test_status_list_token.py",
    "flows": "tests/unit/verifier/test_flows.py",
}


@dataclass(frozen=True)
class Edit:
    """In one file of `lingpai`, one piece of text that stands there once, and what replaces it."""

    path: str
    text: str
    replacement: str


@dataclass(frozen=True)
class Mutant:
    """The library without one check."""

    name: str
    edits: tuple[Edit, ...]
    killers: tuple[str, ...]

    def node_ids(self) -> list[str]:
        """The killers as pytest names them."""
        split = (killer.split("::", 1) for killer in self.killers)
        return [f"{FILES[file]}::{test}" for file, test in split]


def mutant(name: str, path: str, text: str, replacement: str, *killers: str) -> Mutant:
    """A mutant of one edit."""
    return Mutant(name, (Edit(path, text, replacement),), killers)


def never(name: str, path: str, condition: str, *killers: str) -> Mutant:
    """A mutant in which an `if` is never true."""
    start = condition[: condition.index("if ")]
    return mutant(name, path, f"{condition}:", f"{start}if False:", *killers)


BATTERY = "battery::test_a_malformed_token_is_refused"

KEYS = (
    never(
        "CVE-2022-29217: the text of a key is an HMAC secret",
        "jose/weak_keys.py",
        "if looks_like_key_text(secret)",
        "keys::test_cve_2022_29217_the_text_of_a_key_is_no_hmac_secret",
        "keys::test_cve_2024_33663_nor_within_a_jwk",
    ),
    never(
        "GHSA-8wpc-h4q6-8fxv: a short secret is a key",
        "jose/weak_keys.py",
        "if len(secret) * 8 < min_bits",
        "tokens::test_ghsa_8wpc_h4q6_8fxv_an_empty_secret_is_no_key",
        "keys::test_rfc_8725_a_secret_is_as_long_as_its_hash",
    ),
    never(
        "RFC 8725: one byte repeated is a secret",
        "jose/weak_keys.py",
        "if len(set(secret)) == 1",
        "keys::test_rfc_8725_a_secret_of_one_byte_repeated_is_none",
    ),
    never(
        "RFC 8725: a small RSA key is a key",
        "jose/weak_keys.py",
        "if bits < RSA_MIN_BITS",
        "keys::test_rfc_8725_an_rsa_key_has_2048_bits",
    ),
    never(
        "CVE-2017-15361: a ROCA key is a key",
        "jose/weak_keys.py",
        "if has_roca_fingerprint(modulus)",
        "keys::test_cve_2017_15361_a_key_with_the_roca_fingerprint_is_refused",
    ),
    mutant(
        "RFC 8725: secret and public keys in one set",
        "jose/key_set.py",
        "if self.is_mixed and ",
        "if False and ",
        "tokens::test_rfc_8725_a_set_of_secret_and_public_keys_verifies_nothing",
    ),
)

SIGNATURES = (
    never(
        "CVE-2026-22817, CVE-2022-23541, CVE-2026-48523: the header names the algorithm",
        "jose/jws.py",
        "if header.alg not in key.accepts",
        "tokens::test_cve_2026_22817_a_published_key_without_alg_checks_no_hmac",
        "tokens::test_cve_2022_23541_a_key_answers_for_its_own_algorithm_alone",
        "tokens::test_cve_2026_48523_the_header_and_the_key_must_agree",
    ),
    mutant(
        "CVE-2026-27962: the key comes with the token",
        "jose/jws.py",
        "candidates = keys.candidates(header.alg, header.kid)",
        "candidates = (\n"
        "        (Key.from_jwk(header.members['jwk']),)\n"
        "        if 'jwk' in header.members\n"
        "        else keys.candidates(header.alg, header.kid)\n"
        "    )",
        "tokens::test_cve_2026_27962_a_key_in_the_header_is_not_used[jwk]",
    ),
    mutant(
        "CVE-2022-23540: none is an algorithm",
        "jose/jws.py",
        "if header.alg not in SIGNATURE_ALGORITHMS and header.alg != EDDSA:",
        "if header.alg.strip().lower() == 'none':\n"
        "        return (lambda signature, message: None,)\n"
        "    if header.alg not in SIGNATURE_ALGORITHMS and header.alg != EDDSA:",
        "tokens::test_cve_2022_23540_none_does_not_exist",
        "encryption::test_cve_2026_29000_an_unsigned_token_inside_is_refused",
    ),
    mutant(
        "CVE-2022-21449: r and s may be nothing",
        "jose/crypto/signatures.py",
        "        if len(signature) != length:\n"
        "            raise SignatureInvalid(_REFUSAL)\n"
        "        try:\n"
        "            check(_to_der(",
        "        if not any(signature):\n"
        "            return\n"
        "        try:\n"
        "            check(_to_der(",
        "tokens::test_cve_2022_21449_a_signature_of_nothing_signs_nothing",
    ),
    mutant(
        "the MAC is not compared",
        "jose/crypto/signatures.py",
        "            state.verify(signature)  # compares in constant time\n",
        "            state.finalize()\n",
        "tokens::test_ghsa_8wpc_h4q6_8fxv_an_empty_signature_is_none",
        "nested::test_the_inner_signature_is_checked",
    ),
)

HEADERS = (
    never(
        "CVE-2025-61920, CVE-2025-30204: a token may be of any size",
        "jose/jws.py",
        "if len(token) > max_bytes",
        "tokens::test_cve_2025_61920_an_oversized_token_costs_nothing",
        f"{BATTERY}[shape: ten megabytes-fresh_key]",
    ),
    mutant(
        "CVE-2025-27144: every dot makes a part",
        "jose/jws.py",
        'data.split(b".", 5)',
        'data.split(b".")',
        "tokens::test_cve_2025_27144_many_dots_are_not_split",
    ),
    mutant(
        "CVE-2025-59420, CVE-2026-32597: crit is passed over",
        "jose/header.py",
        '    if "crit" not in members:\n',
        "    if True:\n",
        "tokens::test_cve_2025_59420_a_critical_extension_is_not_passed_over",
        "tokens::test_cve_2026_32597_nor_in_the_other_serialisations",
        "tokens::test_cve_2026_32597_nor_in_encrypted_tokens",
    ),
    never(
        "CVE-2025-59420: crit may be of any shape",
        "jose/header.py",
        "if not isinstance(crit, list) or not crit or not all(isinstance(n, str) for n in crit)",
        "tokens::test_cve_2025_59420_a_critical_extension_is_not_passed_over",
    ),
    mutant(
        "CVE-2026-48525: b64 counts without crit",
        "jose/header.py",
        '    if "b64" not in members:\n',
        "    if True:\n",
        "tokens::test_cve_2026_48525_an_unencoded_payload_is_never_a_jwt",
    ),
    never(
        "CVE-2026-48525: a detached token may bring a payload",
        "jose/jws_detached.py",
        "if middle",
        "tokens::test_cve_2026_48525_a_detached_token_brings_no_payload",
    ),
)

TEXT = (
    never(
        "a value has many spellings in base64url",
        "jose/base64url.py",
        "if rest and data[-1] not in _LAST[rest]",
        f"{BATTERY}[base64url: unused bits of two left in the payload-fresh_key]",
        f"{BATTERY}[base64url: unused bits in the signature-taught_key]",
    ),
    mutant(
        "a repeated name in the payload, on the fast road",
        "jose/strict_json.py",
        "if _encode(members) == data:",
        "if True:",
        f"{BATTERY}[payload: exp twice-fresh_key]",
        f"{BATTERY}[header: alg twice, the second none-fresh_key]",
    ),
    never(
        "a repeated name in the payload, on the slow road",
        "jose/strict_json.py",
        "if len(members) != len(pairs)",
        f"{BATTERY}[payload: exp twice-taught_key]",
        f"{BATTERY}[payload: a name repeated deep inside-fresh_key]",
    ),
    never(
        "JSON may nest without end",
        "jose/strict_json.py",
        "if depth > MAX_DEPTH",
        f"{BATTERY}[payload: 33 arrays deep-fresh_key]",
    ),
    never(
        "CVE-2026-25537: a number may be infinite",
        "jose/strict_json.py",
        "if math.isinf(value)",
        "tokens::test_cve_2026_25537_a_number_that_is_none_is_refused",
        f"{BATTERY}[claims: exp is 1e400-fresh_key]",
    ),
    mutant(
        "CVE-2026-25537: NaN is a number",
        "jose/strict_json.py",
        "    parse_constant=_no_constant,\n",
        "",
        "tokens::test_cve_2026_25537_a_number_that_is_none_is_refused",
        f"{BATTERY}[payload: NaN-fresh_key]",
    ),
)

CLAIMS = (
    never(
        "RFC 8725: a token of any kind",
        "jwt/claims.py",
        "if header.typ not in policy.typs",
        "tokens::test_rfc_8725_a_token_for_another_purpose_is_refused",
        "typ::test_another_kind_of_token_is_refused",
        "profiles::test_an_id_token_is_no_access_token",
    ),
    mutant(
        "CVE-2024-53861: a part of the issuer is the issuer",
        "jwt/claims.py",
        'if get("iss") != policy.issuer:',
        'if str(get("iss")) not in str(policy.issuer):',
        "tokens::test_cve_2024_53861_a_part_of_the_issuer_is_not_the_issuer",
        "issuer::test_another_issuer_is_refused",
    ),
    never(
        "CVE-2026-49998: keys of one issuer verify tokens of another",
        "jwt/claims.py",
        'if get("iss") != policy.issuer',
        "verifier::test_cve_2026_49998_one_kid_at_two_issuers_means_two_keys",
        "issuer::test_another_issuer_is_refused",
        "tokens::test_cve_2026_25537_an_issuer_of_another_type_is_refused",
    ),
    mutant(
        "CVE-2024-53861: a part of the audience is the audience",
        "jwt/claims.py",
        "policy.audiences.isdisjoint(several)",
        "not any(one in mine for one in several for mine in policy.audiences)",
        "tokens::test_cve_2024_53861_nor_is_a_part_of_the_audience",
    ),
    mutant(
        "a token for any audience",
        "jwt/claims.py",
        "if type(aud) is not str or aud not in policy.audiences:",
        "if False:",
        "issuer::test_another_audience_is_refused",
        "issuer::test_aud_is_required",
    ),
    never(
        "CVE-2026-25537: a time may be of any type",
        "jwt/claims.py",
        "if type(value) is not int and type(value) is not float",
        "tokens::test_cve_2026_25537_a_time_of_another_type_is_refused",
        "times::test_a_time_is_a_number",
    ),
    never(
        "a time may be of any size",
        "jwt/claims.py",
        "if not -LATEST <= value <= LATEST",
        "times::test_a_time_beyond_what_a_double_holds_exactly_is_refused",
    ),
    never(
        "exp may be missing",
        "jwt/claims.py",
        "if exp is None and policy.profile.expires",
        "times::test_exp_is_required",
    ),
    mutant(
        "a token is good at the second it expires",
        "jwt/claims.py",
        "if not now - policy.leeway_seconds < token.expires_at:",
        "if not now - policy.leeway_seconds <= token.expires_at:",
        "times::test_a_token_expired_exactly_now_is_refused",
    ),
    never(
        "a token never expires",
        "jwt/claims.py",
        "if not now - policy.leeway_seconds < token.expires_at",
        "times::test_a_token_expired_exactly_now_is_refused",
        "nested::test_the_moment_counts_inside_too",
    ),
    never(
        "nbf and iat do not count",
        "jwt/claims.py",
        "if not now + policy.leeway_seconds >= token.valid_from",
        "times::test_a_token_is_refused_just_before_nbf",
        "times::test_iat_may_be_a_minute_ahead_and_no_more",
    ),
    never(
        "a token may be of any age",
        "jwt/claims.py",
        "if not now - issued_at <= max_age_seconds + leeway_seconds",
        "times::test_the_policy_says_how_old_a_token_may_be",
        "times::test_a_call_may_ask_for_a_younger_token",
    ),
    never(
        "what a profile requires may be missing",
        "jwt/claims.py",
        "if claims.get(name) is None",
        "profiles::test_a_required_claim_is_missed",
        "required::test_a_required_claim_that_is_missing_or_null_is_named",
    ),
    never(
        "what a policy requires may have any value",
        "jwt/claims.py",
        "if claims[name] != value",
        "required::test_a_required_value_is_compared_exactly",
    ),
    never(
        "a status is passed over",
        "jwt/verify.py",
        "if policy.status is not IGNORE_STATUS",
        "status::test_an_unchecked_status_is_refused",
    ),
    never(
        "a bound token is good without proof",
        "jwt/verify.py",
        "if name in cnf and proven is None",
        "binding::test_a_bound_token_without_proof_is_refused",
        "binding::test_both_bindings_need_both_proofs",
    ),
    never(
        "a bound token is good without proof, on the short road",
        "jwt/verify.py",
        '    if "cnf" in token._claims',
        "binding::test_a_bound_token_without_proof_is_refused",
    ),
    mutant(
        "a token never expires, on the short road",
        "jwt/verify.py",
        '    check_moment(token, policy, now)\n    if "cnf" in token._claims:',
        '    if "cnf" in token._claims:',
        "times::test_a_token_expired_exactly_now_is_refused",
    ),
    mutant(
        "a token never expires, on the other road",
        "jwt/verify.py",
        "    check_moment(token, policy, now)\n    if jkt",
        "    if jkt",
        "nested::test_the_moment_counts_inside_too",
        "remembered::test_it_expires_all_the_same",
    ),
    never(
        "a bound token is good with the proof of another key",
        "jwt/verify.py",
        "if proven is not None and cnf.get(name) != proven",
        "binding::test_the_proof_of_another_key_is_refused",
        "binding::test_another_certificate_is_refused",
    ),
    never(
        "a nonce is not compared",
        "jwt/verify.py",
        'if nonce is not None and token._claims.get("nonce") != nonce',
        "required::test_the_nonce_that_was_sent_must_come_back",
        "nested::test_binding_and_nonce_count_inside_too",
    ),
)

ENCRYPTION = (
    mutant(
        "CVE-2026-29000, CVE-2023-51774: what is encrypted is believed",
        "jwt/verify.py",
        "    return _open(inner, keys, policy)\n",
        '    if inner.startswith(b"{"):\n'
        "        return check_claims(outer, strict_json.decode_object(inner), policy)\n"
        "    return _open(inner, keys, policy)\n",
        "encryption::test_cve_2026_29000_plain_claims_inside_are_refused",
    ),
    never(
        "any content is taken for a token",
        "jwt/verify.py",
        'if outer.cty != "jwt"',
        "nested::test_content_that_is_not_marked_as_a_token_is_refused",
        "nested::test_content_without_a_mark_is_refused",
    ),
    mutant(
        "CVE-2022-36083, CVE-2026-27932: any number of rounds",
        "jose/crypto/key_management.py",
        "not MIN_PBES2_COUNT <= count <= MAX_PBES2_COUNT // tries:",
        "False:",
        "encryption::test_cve_2022_36083_an_absurd_count_is_refused_at_once[1200001]",
    ),
    mutant(
        "CVE-2023-52428: any number of rounds for each password",
        "jose/jwe.py",
        "tries=len(fitting)",
        "tries=1",
        "encryption::test_cve_2023_52428_many_passwords_do_not_multiply_the_work",
    ),
    never(
        "CVE-2024-28180: compressed content is welcome",
        "jose/jwe.py",
        "if header.compressed and not allow_compressed",
        "encryption::test_cve_2024_28180_compressed_content_is_refused_by_default",
    ),
    mutant(
        "CVE-2024-28176, CVE-2026-39373: the bomb bursts",
        "jose/compression.py",
        "stream.decompress(data, max_bytes + 1)",
        "stream.decompress(data)",
        "encryption::test_cve_2024_28176_a_bomb_does_not_burst",
    ),
    never(
        "CVE-2026-39373: any size once inflated",
        "jose/compression.py",
        "if len(inflated) > max_bytes",
        "encryption::test_cve_2026_39373_within_the_bound_it_opens_where_asked_for",
    ),
    mutant(
        "CVE-2026-28490: RSA1_5 exists",
        "jose/algorithms.py",
        'KeyManagementAlgorithm("RSA-OAEP", "RSA", "rsa-oaep", (), "sha1", 0, RSA_MIN_BITS),',
        'KeyManagementAlgorithm("RSA-OAEP", "RSA", "rsa-oaep", (), "sha1", 0, RSA_MIN_BITS),\n'
        '            KeyManagementAlgorithm("RSA1_5", "RSA", "rsa-oaep", (), "sha1"),',
        "encryption::test_cve_2026_28490_rsa1_5_does_not_exist",
    ),
)

ISSUING = (
    never(
        "a token of any size is issued",
        "jwt/issue.py",
        "if len(payload) > budget.payload_bytes",
        "sign::test_a_payload_of_exactly_its_budget_is_issued",
        "sign::test_the_default_budget_is_four_kilobytes",
    ),
    never(
        "a secret is issued for all to read",
        "jwt/lint.py",
        "if is_secret_name(name)",
        "lint::test_a_name_of_a_secret_is_not_issued",
    ),
    mutant(
        "a card number is issued for all to read",
        "jwt/lint.py",
        "return total > 0 and total % 10 == 0",
        "return False",
        "lint::test_a_card_number_is_not_issued",
    ),
)

PROOFS = (
    never(
        "DPoP: a private key is shown and accepted",
        "jwt/dpop.py",
        "if not PRIVATE_MEMBERS.isdisjoint(jwk)",
        "dpop::test_a_private_member_is_refused",
        "dpop::test_a_symmetric_key_is_refused",
    ),
    never(
        "DPoP: any algorithm",
        "jwt/dpop.py",
        "if header.alg not in allowed",
        "dpop::test_an_algorithm_may_be_accepted_by_choice",
        "dpop::test_an_algorithm_that_is_not_accepted_is_refused",
    ),
    never(
        "DPoP: a proof for any method",
        "jwt/dpop.py",
        "if htm != method",
        "dpop::test_a_claim_of_another_type_is_refused",
        "dpop::test_another_method_is_refused",
    ),
    never(
        "DPoP: a proof for any URI",
        "jwt/dpop.py",
        "if actual != expected_htu",
        "uri::test_another_uri_is_refused",
        "uri::test_uris_that_differ_stay_different",
    ),
    never(
        "DPoP: a proof of any age",
        "jwt/dpop.py",
        "if age > max_age_seconds + leeway_seconds",
        "dpop::test_a_proof_may_be_a_minute_old_and_no_more",
    ),
    never(
        "DPoP: a proof made for tomorrow",
        "jwt/dpop.py",
        "if age < -leeway_seconds",
        "dpop::test_a_proof_may_be_ten_seconds_ahead_and_no_more",
    ),
    never(
        "DPoP: a proof for any token",
        "jwt/dpop.py",
        'if access_token is not None and claims.get("ath") != access_token_hash(access_token)',
        "dpop::test_the_hash_of_another_token_is_refused",
        "dpop::test_without_the_hash_of_the_token_it_is_refused",
    ),
    never(
        "DPoP: a proof with any nonce",
        "jwt/dpop.py",
        "if nonce not in accepted",
        "dpop::test_without_the_servers_nonce_another_try_is_asked_for",
        "dpop::test_a_server_may_still_accept_the_nonce_before",
    ),
)

STATUS = (
    never(
        "the list of another URI",
        "jwt/status_list.py",
        "if token.subject != uri",
        "listtoken::test_the_list_of_another_uri_is_refused",
    ),
    never(
        "a status list unpacks without end",
        "jwt/status_list.py",
        "if len(data) > max_bytes",
        "list::test_a_list_unpacks_to_its_bound_and_not_a_byte_further",
    ),
    mutant(
        "an index outside the list is valid",
        "jwt/status_list.py",
        "if not 0 <= index < len(self):",
        "if not 0 <= index < len(self):\n            return 0",
        "list::test_an_index_outside_the_list_is_not_taken_for_valid",
        "list::test_an_index_outside_the_list_is_refused",
    ),
    mutant(
        "a status without a meaning is valid",
        "jwt/status_list.py",
        'raise StatusUnknown(f"the status',
        'return\n    raise StatusUnknown(f"the status',
        "list::test_every_other_status_is_refused",
    ),
)

VERIFIER = (
    never(
        "CVE-2026-48524: every unknown kid causes a fetch",
        "verifier/jwks.py",
        "if now < self._kid_fetch_at",
        "verifier::test_cve_2026_48524_a_thousand_unknown_kids_cause_one_fetch",
    ),
    mutant(
        "CVE-2026-48524: a failed fetch wipes the keys",
        "verifier/jwks.py",
        "        self.failures += 1\n",
        "        self.failures += 1\n        self.held = None\n",
        "verifier::test_cve_2026_48524_a_failed_fetch_keeps_the_keys[Behaviour.ERROR]",
    ),
    never(
        "CVE-2026-49998: metadata of another issuer is taken",
        "verifier/flows.py",
        'if document.get("issuer") != issuer',
        "flows::test_the_documents_issuer_is_this_very_text",
    ),
    Mutant(
        "CVE-2026-35030: a token is known by its beginning",
        (
            Edit(
                "verifier/verifier.py",
                "self._cache.young.get(raw)",
                "self._cache.young.get(raw[:20])",
            ),
            Edit(
                "verifier/token_cache.py", "self.young[raw] = entry", "self.young[raw[:20]] = entry"
            ),
        ),
        ("verifier::test_cve_2026_35030_a_remembered_token_is_known_by_all_of_it",),
    ),
)

MUTANTS = (
    *KEYS,
    *SIGNATURES,
    *HEADERS,
    *TEXT,
    *CLAIMS,
    *ENCRYPTION,
    *ISSUING,
    *PROOFS,
    *STATUS,
    *VERIFIER,
)
