"""Types l of SO(3), as e3nn has them, under the three one-parameter groups about x, y and z."""

from __future__ import annotations

from typing import Any

import torch

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.types import Factor
from truths.pictures import IDENTITIES, circle_grid

STEPS = 25
AXES = [Factor(f"about_{axis}", -180.0, 180.0, "deg", 360.0) for axis in "xyz"]


def e3nn_types() -> dict[str, Any]:
    """A type l has 2l + 1 dimensions, the frequencies -l … l about any axis, and generators that close to so(3).

    The generators of a type 1 alone are all of the antisymmetric matrices of three dimensions, which close however they
    are turned: there the null is 0, and closing says nothing.
    """
    from e3nn import o3  # pyright: ignore[reportMissingImports]

    found: dict[str, Any] = {}
    grid = circle_grid(STEPS)
    matrices = [o3.matrix_x, o3.matrix_y, o3.matrix_z]
    torch.set_default_dtype(torch.float64)
    for name in ("1x0e", "1x1o", "1x2e", "3x0e + 2x1o + 1x2e"):
        irreps = o3.Irreps(name)
        z = torch.randn(IDENTITIES, irreps.dim, generator=torch.Generator().manual_seed(1))
        values = {
            axis.name: torch.stack([z @ irreps.D_from_matrix(matrix(a)).T for a in grid.deg2rad()], 1)[:, None]
            for axis, matrix in zip(AXES, matrices, strict=True)
        }
        sweeps = sj.Sweeps.from_arrays(values, AXES, dict.fromkeys(values, grid))
        skipped = [block for block in BLOCKS if block not in ("irreps", "group", "subspaces")]
        told = sj.diagnose(sweeps, skip=skipped, ideals=False)
        label = f"SO(3), {name}"
        found[label] = {"dimensions": int(torch.linalg.matrix_rank(torch.cat([*values.values()], 2).flatten(0, 2)))}
        for axis in AXES:
            about, key = {}, axis.name
            about["irreps"] = {of[1]: int(e.value) for of, e in told["irreps"].items() if of[0] == key and e.value}
            about["dimension"] = told["dimension"][key].value
            about["no_representation"] = _digits(told["no_representation"][key].value)
            found[label][key] = about
        closure = told["closure"]
        found[label]["closure"] = {" · ".join(pair): _digits(e.value) for pair, e in closure.items()}
        found[label]["closure's null"] = {" · ".join(pair): _digits(e.null) for pair, e in closure.items()}
        print(label, found[label], flush=True)
    torch.set_default_dtype(torch.float32)
    return found


def _digits(value: float | None) -> float | None:
    return None if value is None else round(value, 6) + 0.0
