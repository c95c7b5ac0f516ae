"""Writing whole or not at all, and reading what others may have written."""
