"""The prompts of answers, in files."""
