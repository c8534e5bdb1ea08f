"""Sentences on facts, and the formats of numbers."""
