"""Users made ready for clustering: one spelling, cleaning, scaling, counts and quantiles."""
