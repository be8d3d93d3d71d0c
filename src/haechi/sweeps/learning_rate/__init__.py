"""The search for the learning rate by short trainings."""
