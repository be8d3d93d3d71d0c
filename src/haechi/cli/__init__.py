"""The `haechi` command: arguments in, one call, sentences out. Nothing imports it."""
