"""Base models by name, loading and saving, tokens of texts. Trains nothing and stores no vector."""
