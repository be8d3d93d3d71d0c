"""Passages of all kinds as one corpus, with duplicates linked. Knows nothing of queries."""
