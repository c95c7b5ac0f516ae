"""Writing whole or not at all, reading what others may have written, importing the user's own code."""
