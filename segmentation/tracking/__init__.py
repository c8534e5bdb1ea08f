"""Months compared: which segment continues which, who moved, what drifted, what is suspicious."""
