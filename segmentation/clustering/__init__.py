"""K-means for small and large months, and PCA."""
