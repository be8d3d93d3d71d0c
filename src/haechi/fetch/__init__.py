"""The client of the national law service. Stands apart from the pipeline."""
