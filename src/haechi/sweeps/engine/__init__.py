"""Which trial is next, whose it is, and what it gave: the part that all searches share."""
