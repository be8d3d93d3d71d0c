"""The stage report: plots, the page, the decision and its reasons. Computes no score."""
