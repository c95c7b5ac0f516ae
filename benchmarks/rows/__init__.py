"""The rows of ``make bench``: each module returns one or a few, measured in one run."""
