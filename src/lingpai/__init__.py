"""Lingpai: sign, verify, encrypt and decrypt tokens; embed a verifier that needs no look-up."""
