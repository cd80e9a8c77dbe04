"""JWT (RFC 7519, 8725, 9068): claims, policies, profiles. Pure; `now` is an argument."""
