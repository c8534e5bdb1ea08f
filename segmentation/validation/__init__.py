"""Validation: elbow, gap statistic, stability, separation, scores, consensus."""
