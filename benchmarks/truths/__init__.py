"""Truths that others know, a file a kind of source; ``external_truth.py`` runs them."""
