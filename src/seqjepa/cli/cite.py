"""``seqjepa cite``: what to cite."""

from __future__ import annotations

import argparse


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Print BibTeX."""
    from seqjepa.workflows.citing import bibtex

    print(bibtex(), end="")
    return 0
