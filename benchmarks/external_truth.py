"""Codes and figures whose answer others know: ``python benchmarks/external_truth.py [--out OUT.json] [--only NAME …]``.

Needs an environment of its own, none of which the package depends on (docs/external-truth.md says how it is made). What
``--only`` leaves out stays in the file as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from truths import counterparts, moments, spherical, steerable, wavelets

SOURCES: dict[str, Callable[[], dict[str, Any]]] = {
    "Zernike": moments.zernike,
    "Hu": moments.hu,
    "e3nn": spherical.e3nn_types,
    "kymatio": wavelets.scattering,
    "tmeasures": counterparts.tmeasures,
    "scikit-dimension": counterparts.scikit_dimension,
    "rsatoolbox": counterparts.rsatoolbox,
    "SciPy": counterparts.scipy_angles,
    "disent": counterparts.disent,
    "escnn": steerable.escnn_networks,
}
OUT = Path(__file__).parents[1] / "docs" / "external-truth.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=OUT, help="where the answers go (default: docs/external-truth.json)"
    )
    parser.add_argument("--only", nargs="+", choices=SOURCES, default=list(SOURCES), help="some sources only")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    answers = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    for name in options.only:
        np.random.seed(0)  # noqa: NPY002
        answers[name] = SOURCES[name]()
        text = json.dumps(answers, indent=1, ensure_ascii=False, allow_nan=False)
        options.out.write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {json.dumps(answers[name], ensure_ascii=False)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
