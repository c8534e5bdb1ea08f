"""Documents rendered as pages and printed as PDF."""
