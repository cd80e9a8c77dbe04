"""Writes the generated pages and pictures of docs/; decides nothing about what they describe."""
