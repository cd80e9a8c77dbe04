"""HTTP: routes, reading, rendering, headers. Decides nothing; ASGI stops here."""
