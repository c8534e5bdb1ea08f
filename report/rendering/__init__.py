"""Documents made into pages: two engines, Pandoc, the PDF and what makes it accessible."""
