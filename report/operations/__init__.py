"""A month without hands: the steps, and what the owner is told."""
