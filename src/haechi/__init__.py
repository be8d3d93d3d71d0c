"""haechi: Korean documents in, a tuned retrieval model whose improvement can be believed out."""
