"""Keys at rest and at work: sealing, making, the ring, the signer. Never a route, never a row."""
