"""What to cite, as BibTeX: this package, and the method that it trains."""

from __future__ import annotations

import seqjepa

SOFTWARE = """@software{{seqjepa,
  title = {{seqjepa: which transformation lives where in a learned representation?}},
  author = {{{{The seqjepa developers}}}},
  version = {{{version}}},
  license = {{MIT}}
}}
"""
METHOD = """@article{ghaemi2025seqjepa,
  title = {seq-JEPA: Autoregressive Predictive Learning of Invariant-Equivariant World Models},
  author = {Ghaemi, Hafez and Muller, Eilif and Bakhtiari, Shahab},
  journal = {arXiv preprint arXiv:2505.03176},
  year = {2025},
  url = {https://arxiv.org/abs/2505.03176}
}
"""


def bibtex() -> str:
    """Two entries: the package in the version that is installed, and seq-JEPA."""
    return f"{SOFTWARE.format(version=seqjepa.__version__)}\n{METHOD}"
