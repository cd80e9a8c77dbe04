"""One module per framework; each is thin, and `bearer` holds the rules that they share."""
