"""Segments drawn: K-means in memory, on a grid and on all users; the map (PCA)."""
