"""Korean text as such: normal forms, morphemes, near-duplicates, sentences in two languages. Knows no law and no model."""
