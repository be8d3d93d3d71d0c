"""Raw files to statutes, rules, decisions, documents and queries, and these to passages. Resolves no citation."""
