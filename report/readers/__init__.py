"""Readers of text, Excel and Parquet files."""
