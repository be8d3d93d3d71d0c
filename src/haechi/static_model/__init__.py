"""The base model that is built from the corpus, without a download. Knows no training pair beyond its text."""
