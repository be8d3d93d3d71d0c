"""Choosing, freezing and reading the test set. Nothing here learns or scores."""
