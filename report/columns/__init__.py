"""The columns file, and what cells mean by it: dates, bands, codes, columns worked out from others."""
