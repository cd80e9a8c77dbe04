"""The token endpoint, one module a grant (RFC 6749 section 3.2). No I/O, no clock, no randomness."""
