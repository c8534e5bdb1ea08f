"""Briefs: a segment's mail, its layout, recipients and sending."""
