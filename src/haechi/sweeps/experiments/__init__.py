"""Trials that are DVC experiments, each in a checkout of its agent."""
