"""The Lingpai server: the issuer. Nothing is imported here; `main` composes the parts."""
