"""Clustering: K-means at every size, and PCA."""
