"""JOSE: signatures, encryption and keys (RFC 7515 to 7518). Pure: bytes in, bytes out."""
