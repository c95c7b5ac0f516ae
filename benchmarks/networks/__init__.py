"""Trained networks that ship in packages, as encoders: read out of wheels, never installed."""
