"""HTTP: routes, reading, rendering, headers. Decides nothing; framework types stop here."""
