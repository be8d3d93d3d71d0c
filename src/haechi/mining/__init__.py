"""The stage mine: candidates, filters, and the negatives that are left, each with its reason. Trains nothing."""
