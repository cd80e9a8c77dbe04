"""Configuration: one frozen tree, read once. Everyone but `main` and `cli` receives its values."""
