"""A first columns file proposed for a stranger's file."""
