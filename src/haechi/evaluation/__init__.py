"""The stage evaluate: every system on the frozen test set, and what tuning cost. Chooses nothing."""
