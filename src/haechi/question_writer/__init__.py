"""Questions out of the structure of a passage, without a model. Filters nothing."""
