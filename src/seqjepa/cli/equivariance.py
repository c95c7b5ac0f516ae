"""``seqjepa check-equivariance``: parse, call, print."""

from __future__ import annotations

import argparse
from pathlib import Path

from seqjepa.workflows.defaults import RANGES, SOURCE

EXAMPLES = """examples:
  is the code of an ONNX file the same for every turn of the picture?
    seqjepa check-equivariance --encoder model.onnx --rotation -180 180
  a C8-steerable network: each block of eight channels cycles; layer by layer, for a build that must fail
    seqjepa check-equivariance --encoder ./net.py:net --claim regular --order 8 --layers block1 block2 --tolerance 0.01
  maps that move with the picture
    seqjepa check-equivariance --encoder ./net.py:net --claim map --translate-x -3 3
"""


def add_equivariance_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa check-equivariance`` takes."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    add = parser.add_argument
    add("--encoder", required=True, help="as in 'seqjepa diagnose'")
    add("--trust", action="store_true", help="load a .pt2 file or a run's own encoder: they run code")
    add("--images", default=SOURCE, help=f"see 'seqjepa list images' (default: {SOURCE})")
    add("--root", type=Path, help="where downloaded images lie")
    for name in RANGES:
        text = "what moves; give one or more (default: rotation over the full circle)"
        add("--" + name.replace("_", "-"), nargs=2, type=float, metavar=("LOW", "HIGH"), help=text)
    claims = "invariant, regular, map or 'regular map' (default: invariant); matrices are claimed from Python"
    add("--claim", default="invariant", help=claims)
    add("--order", type=int, default=0, help="n of the cyclic group C_n of 'regular'")
    add("--layers", nargs="+", default=(), help="layers of a module (default: its output)")
    add("--identities", type=int, default=64, help="images (default: 64)")
    add("--steps", type=int, default=9, help="values of each factor (default: 9)")
    add("--seed", type=int, default=0, help="of the draw of images (default: 0)")
    add("--tolerance", type=float, help="fail (exit code 1) where the error beyond interpolation is larger")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1 … (default: auto)")


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Check a claim and print a line for each layer and factor."""
    from seqjepa.factors import affine_factors
    from seqjepa.images import load_images
    from seqjepa.workflows.encoders import open_encoder
    from seqjepa.workflows.equivariance import check_equivariance

    ranges = {name: tuple(getattr(options, name)) for name in RANGES if getattr(options, name)}
    found = check_equivariance(
        open_encoder(options.encoder, trust=options.trust),
        load_images(options.images, "test", options.root),
        affine_factors(**(ranges or {"rotation": (-180.0, 180.0)})),
        options.claim,
        order=options.order,
        layers=options.layers,
        identities=options.identities,
        steps=options.steps,
        seed=options.seed,
        device=options.device,
    )
    print(found.table())
    print("\n0: exactly as claimed, 1: as far off as another image; 95 % intervals over images")
    if options.tolerance is None:
        return 0
    return int(any((row.excess.value or 0.0) > options.tolerance for row in found.rows))
