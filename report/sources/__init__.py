"""Engines and databases that a month's users come from."""
