"""What ``calibration.py`` draws: representations whose answers are known, and these answers."""
