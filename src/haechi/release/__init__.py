"""`haechi release`: the chosen settings trained once more on all labels, for deployment. Scores nothing, and is no stage."""
