"""Search in the terminal and on a page, and vectors for others. Imports torch only where a model needs it."""
