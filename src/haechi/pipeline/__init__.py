"""dvc.yaml, dvc.lock and git as data: what a stage takes, gives and runs. No stage runs it, but to find files."""
