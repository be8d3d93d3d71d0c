"""Korean and English text as such: normal forms, language, words, near-duplicates, pages in both. Knows no law and no model."""
