"""Rows that were costly to make, in one SQLite file: keys, values, export and import. Knows no model."""
