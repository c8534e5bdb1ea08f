"""Segments described: means, indices, intervals and distributions."""
