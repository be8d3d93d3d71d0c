"""The stage generate_qa: questions written, filtered, and found again. Mines no negative."""
