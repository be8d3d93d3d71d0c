"""A chat endpoint: requests, rates, budgets, answers, and the judge. Writes no question and knows no stage."""
