"""All tests, in the same folders as the code; what they share is in tests/support."""
