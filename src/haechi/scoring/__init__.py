"""What training, selection, evaluation and comparison share: metrics, intervals, slices, results query by query."""
