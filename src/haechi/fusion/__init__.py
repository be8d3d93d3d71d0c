"""How searches are mixed into one list: signals, a linear mixture of them, its fit on validation. Runs no search itself."""
