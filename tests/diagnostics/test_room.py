"""More dimensions than there is memory for are refused in a line, before a covariance of them is made."""

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.context import Context
from seqjepa.io import memory


def test_dimensions_that_do_not_fit_are_refused(monkeypatch):
    line = sj.affine_factors(scale=(0.5, 1.0))
    grids = {"scale": torch.linspace(0.5, 1, 5, dtype=torch.float64)}
    sweeps = sj.Sweeps.from_arrays({"scale": torch.randn(20, 1, 5, 300)}, line, grids)
    Context.of(sweeps, 0, ["linear"])
    monkeypatch.setattr(
        memory, "available_memory", lambda: 8 * 3 * 300 * 50
    )  # half of the views are 50, and their span 300 × 50
    with pytest.raises(sj.InputError, match=r"subspaces of 300 dimensions: needs .* GB of memory, .*--pool"):
        sj.diagnose(sweeps)
