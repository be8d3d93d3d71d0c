"""The leaderboard, what can't be distinguished, and the page."""
