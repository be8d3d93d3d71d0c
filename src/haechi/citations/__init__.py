"""A court's citation to the article that it means. Reads no file."""
