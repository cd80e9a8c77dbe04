"""What every sans-IO package shares: records, effects, ports. No I/O, no clock, no randomness."""
