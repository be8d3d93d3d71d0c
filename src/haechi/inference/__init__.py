"""Vectors, scores and tokens that are made once and kept in the row store. Trains nothing."""
