"""Whether there are segments, and how many: elbow, gap, stability, separation, consensus."""
