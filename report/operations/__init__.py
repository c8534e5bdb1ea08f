"""Unattended runs, and notices to the owner."""
