"""Files read: text, Excel and Parquet, their numbers, ids and columns."""
