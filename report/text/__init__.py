"""Facts said in words: sentences, changes, holds, and how numbers are written."""
