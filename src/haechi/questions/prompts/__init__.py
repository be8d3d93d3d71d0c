"""The prompts that ask a language model for questions."""
