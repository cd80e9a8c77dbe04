"""The authorization endpoint, sans-IO: from a browser's parameters to a page or a redirect."""
