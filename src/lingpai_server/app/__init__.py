"""Use cases: load, decide, apply, sign. The only readers of clock and entropy. No HTTP, no SQL."""
