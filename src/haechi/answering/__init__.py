"""From a conversation to cited passages and an answer. Asks the served engine; trains nothing but its gate."""
