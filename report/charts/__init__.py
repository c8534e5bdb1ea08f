"""Charts: facts in, Altair charts with findings out."""
