"""Deadlines and refresh families, sans-IO. No I/O, no clock, no randomness."""
