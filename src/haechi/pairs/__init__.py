"""Decisions and labelled queries to training and validation pairs, apart from the test set. Mines nothing."""
