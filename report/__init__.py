"""The shell around the analysis: reads, draws, renders, prints and writes."""
