"""Codes whose answer theory knows: what of docs/external-truth.md needs no other package."""

import json
import sys
from pathlib import Path

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.context import Context
from seqjepa.diagnostics.measures.subspaces import principal_angles, subspace_overlap
from seqjepa.types import Factor
from tests.ground_truths import contents, orthogonal

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
I = 40  # noqa: E741
AXES = [Factor(f"about_{axis}", -180.0, 180.0, "deg", 360.0) for axis in "xyz"]
GRID = torch.arange(25, dtype=torch.float64) * 14.4 - 180


def turning(axis):
    """(G, 3, 3) the turns about an axis of space."""
    generator = torch.zeros(3, 3, dtype=torch.float64)
    generator[(axis + 2) % 3, (axis + 1) % 3], generator[(axis + 1) % 3, (axis + 2) % 3] = 1, -1
    return torch.linalg.matrix_exp(GRID.deg2rad()[:, None, None] * generator)


def type_1(turn):
    return turn


def type_2(turn):
    """Acting on symmetric matrices without trace, M → R M Rᵀ, in an orthonormal basis of these five dimensions."""
    basis = torch.zeros(5, 3, 3, dtype=torch.float64)
    for place, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        basis[place, i, j] = basis[place, j, i] = 0.5**0.5
    basis[3] = torch.diag(torch.tensor([1.0, -1, 0])) / 2**0.5
    basis[4] = torch.diag(torch.tensor([1.0, 1, -2])) / 6**0.5
    return torch.einsum("aij,gik,bkl,gjl->gab", basis, turn, basis, turn)


@pytest.mark.parametrize(("of", "kind"), [(type_1, 1), (type_2, 2)])
def test_a_type_of_so3_has_its_frequencies_about_every_axis_and_closes(of, kind):
    z, dim = contents(I, 2 * kind + 1, 0), 2 * kind + 1
    q = orthogonal(dim, 1)
    values = {a.name: torch.einsum("gde,ie->igd", of(turning(i)), z)[:, None] @ q for i, a in enumerate(AXES)}
    sweeps = sj.Sweeps.from_arrays(values, AXES, dict.fromkeys(values, GRID))
    context = Context.of(sweeps, 0, ())
    irreps = BLOCKS["irreps"](context)
    for axis in AXES:
        told = {key[1]: e.value for key, e in irreps["irreps"].items() if key[0] == axis.name}
        assert {k: n for k, n in told.items() if n} == {f"k{k}": 1 for k in range(kind + 1)}
        assert irreps["no_representation"][axis.name].value == pytest.approx(0, abs=1e-9)
        assert context.fitted[axis.name].subspace.dim == 2 * kind
    for estimate in BLOCKS["group"](context)["closure"].values():
        assert estimate.value < 0.002
        assert estimate.verdict == "below its null"


def test_hu_moments_are_invariant_step_by_step():
    """Central moments to shifts, normalised ones to the scale as well, Hu's polynomials of them to rotation as well."""
    from truths import moments

    pictures = moments.blobs(6, 97).abs()
    poses = torch.zeros(6, 4, 4, dtype=torch.float64)
    poses[:, 1, 1:3], poses[:, 2, 3], poses[:, 3, 0] = torch.tensor([4.0, -3.0]), -0.4, 0.7
    views = sj.warp(pictures, sj.Pose(poses), taps=1)[:, :, 0].double()

    def moved(code):
        found = torch.stack([code(view) for view in views.unbind(1)], 1)
        return ((found[:, 1:] - found[:, :1]).square().mean(0) / found[:, 0].var(0)).mean(1).tolist()

    by_code = [moved(code) for code in (moments._central, moments._normalised, moments._hu)]
    seen = [[error > 0.01 for error in errors] for errors in by_code]  # shift, scale, rotation
    assert seen == [[False, True, True], [False, False, True], [False, False, False]]


def test_procrustes_scale_is_the_sum_of_the_angles_cosines():
    from scipy.linalg import orthogonal_procrustes

    u, v = (orthogonal(20, seed)[:, :4] for seed in (0, 1))
    angles = principal_angles(u, v)
    assert float(angles.cos().sum()) == pytest.approx(orthogonal_procrustes(u.numpy(), v.numpy())[1])
    assert subspace_overlap(u, v) == pytest.approx(float(angles.cos().square().mean()))


@pytest.mark.parametrize("name", ["S13 perfect, an axis a factor", "S1, Q: the same, turned", "S16 constant"])
def test_the_table_of_the_literature_is_what_its_command_measures(name):
    import literature

    kept = json.loads((ROOT / "docs" / "literature.json").read_text(encoding="utf-8"))
    found = literature.measured(name)
    assert list(found) == [*kept["ours"], *kept["literature"], "verdict"]
    for column, value in kept["rows"][name].items():
        assert found[column] == (pytest.approx(value, abs=2e-3) if isinstance(value, float) else value), column
    assert list(kept["rows"]) == list(literature.CODES)


def test_what_others_have_is_ours_to_rounding():
    """Of every figure that another package computes too, the file holds both."""
    kept = json.loads((ROOT / "docs" / "external-truth.json").read_text(encoding="utf-8"))
    pairs = [
        (source, what, told["apart"])
        for source in ("tmeasures", "scikit-dimension", "rsatoolbox", "SciPy", "disent")
        for what, told in kept[source].items()
        if isinstance(told, dict)
    ]
    assert len(pairs) >= 10
    assert not [pair for pair in pairs if pair[2] > 1e-6]
