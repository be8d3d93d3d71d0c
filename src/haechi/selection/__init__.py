"""The stage select: checkpoints, merges, the sweet spot, on validation alone. Reads no test data."""
