"""The stage report: plots, the page, the decision and its reasons; and the model card. Computes no score."""
