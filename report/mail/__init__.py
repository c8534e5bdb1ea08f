"""Briefs: what a segment's mail says, how it looks, who gets it, and what keeps it back."""
