"""Preparing users: text normalisation, cleaning, scaling, aggregates, quantiles."""
