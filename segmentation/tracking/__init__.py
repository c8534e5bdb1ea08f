"""Tracking: segments and users from month to month."""
