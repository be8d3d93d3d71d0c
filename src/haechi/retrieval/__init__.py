"""BM25, dense search, fusion, and the run that they give. Knows no gold."""
