"""Revisions, models and people's judgements side by side, for people; no stage runs any of it."""
