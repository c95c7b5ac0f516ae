"""Scores that the literature uses, under this package's protocol, to stand beside its own estimates."""
