"""OAuth and OpenID Connect, sans-IO: request + facts + policy + now + fresh -> Decision."""
