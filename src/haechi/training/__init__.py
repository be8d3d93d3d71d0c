"""The stage train: rows, batches, losses, both engines, exact resume. Reads no test data."""
