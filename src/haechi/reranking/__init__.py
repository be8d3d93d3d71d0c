"""Rerankers: trained on mined examples, judged on validation; imports no stage and nothing that serves."""
