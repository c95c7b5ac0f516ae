"""The command line: parses, calls, prints."""

from seqjepa.cli.app import main

__all__ = ["main"]
