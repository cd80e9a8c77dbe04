"""Pages for people: login, consent, device, logout, error; and the endpoints that answer browsers.

Rendered on the server, without a script that they would need. Decides nothing of the protocol.
"""
