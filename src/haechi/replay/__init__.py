"""A commit run again in a clean clone and compared file by file."""
