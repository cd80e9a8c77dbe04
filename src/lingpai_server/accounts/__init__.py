"""Users, passwords and throttling, sans-IO. No I/O, no clock, no randomness."""
