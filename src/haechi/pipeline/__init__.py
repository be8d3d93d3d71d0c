"""dvc.yaml, dvc.lock and git as data; and the refresh of the test set. No stage runs it, but to find files."""
