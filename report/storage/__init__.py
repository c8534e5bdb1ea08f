"""What lies on the disk: paths, locations of data, locks, logs, caches and worker processes."""
