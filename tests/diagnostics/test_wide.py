"""Codes of more dimensions than there are views: the same figures as the direct way gives, without its D³."""

from dataclasses import replace

import pytest
import torch

from seqjepa.diagnostics import assembly
from seqjepa.diagnostics.context import Context
from seqjepa.diagnostics.measures import health, spans, subspaces
from seqjepa.diagnostics.measures.health import ranks
from seqjepa.diagnostics.measures.literature.axis_scores import RIDGE, importances
from seqjepa.diagnostics.measures.literature.group_scores import gram_norm
from seqjepa.diagnostics.measures.ranks import effective_rank
from seqjepa.diagnostics.measures.spans import (
    Covariance,
    leading_eigenvectors,
    leading_of_operator,
    principal_components,
)
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor

FACTORS = (Factor("rotation", -180, 180, "deg", period=360), Factor("translate_x", -4, 4, "px"))
BY_CHANCE = {"irreps", "no_representation", "pixel_grid"}  # of fewer orbits than components: of arbitrary directions
ROUNDING = 1e-6  # of figures that are differences of nearly equal ones


def wide(dim, identities=20, noise=0.02, **design):
    """A network of fixed weights over content and pose, with noise; float32, as encoders give them."""
    random = torch.Generator().manual_seed(0)
    content, inner, outer = (
        torch.randn(*shape, generator=random, dtype=torch.float64) for shape in ((identities, 8), (11, 64), (64, dim))
    )

    def codes(who, poses):
        pose = torch.stack([poses[:, 0].cos(), poses[:, 0].sin(), poses[:, 1] / 2], 1)
        hidden = (torch.cat([content[who], 2 * pose], 1) @ inner / 4).tanh() @ outer / 8
        return (hidden + noise * torch.randn(hidden.shape, generator=random, dtype=torch.float64)).float()

    return Sweeps.from_function(codes, FACTORS, identities, torch.arange(identities) % 3, **design)


def figures(sweeps):
    context = replace(Context.of(sweeps, 0, ["linear"]), networks=False)
    found = {}
    for block in assembly.BLOCKS.values():
        found |= {(metric, key): estimate for metric, of in block(context).items() for key, estimate in of.items()}
    return found


def numbers(metric, estimate):
    """Value, interval, null and p; of closure no null, which is drawn in coordinates whose signs are arbitrary."""
    found = (estimate.value, *(estimate.interval or ()))
    found += (estimate.null, estimate.p) if metric != "closure" else ()
    return [-1.0 if number is None else number for number in found]


def test_the_figures_are_those_of_the_direct_way(monkeypatch):
    sweeps = wide(420, steps=9, base_poses=2, joint=4)
    assert max(sweeps.values["rotation"][..., 0].numel(), sweeps.joint[..., 0].numel()) < sweeps.dim
    here = figures(sweeps)
    for module in (spans, subspaces, health):
        monkeypatch.setattr(module, "span_of", lambda rows: None)
    direct = figures(sweeps)
    assert here.keys() == direct.keys()
    assert sum(estimate.value is not None for estimate in here.values()) > 60
    for key, estimate in here.items():
        if key[0] in BY_CHANCE:
            continue
        other = direct[key]
        assert (estimate.value is None) == (other.value is None), key
        if estimate.value is not None:
            expected = numbers(key[0], other)
            assert numbers(key[0], estimate) == pytest.approx(expected, rel=ROUNDING, abs=ROUNDING), key
        if key[0] != "closure":
            assert (estimate.verdict, estimate.reason) == (other.verdict, other.reason), key


def test_ranks_of_few_rows_are_those_of_their_singular_values():
    z = 3 + torch.randn(24, 3, 200, dtype=torch.float64) * torch.logspace(0, -3, 200, dtype=torch.float64)
    found = ranks(z)
    assert {kind: value for kind, (value, _) in found.items()} == pytest.approx(
        {kind: effective_rank(z.flatten(0, 1), kind) for kind in found}, rel=1e-7
    )
    group = health.jackknife_groups(24, 0)
    left_out = [effective_rank(z[group != g].flatten(0, 1), "rankme") for g in range(20)]
    assert found["rankme"][1].tolist() == pytest.approx(left_out, rel=1e-7)


def test_weights_of_few_rows_are_those_of_the_normal_equations():
    z, target = torch.randn(30, 80, dtype=torch.float64), torch.randn(30, 2, dtype=torch.float64)
    centred, t = z - z.mean(0), target - target.mean(0)
    x, t = centred / centred.square().mean(0).sqrt(), t / t.square().mean(0).sqrt()
    weights = torch.linalg.solve(x.T @ x + RIDGE * 30 * torch.eye(80, dtype=torch.float64), x.T @ t)
    torch.testing.assert_close(importances(z)({"f": target})[:, 0], weights.square().sum(1).sqrt())
    assert gram_norm(z) == pytest.approx(float((centred.T @ centred).norm()))


def test_a_covariance_in_a_span_is_the_whole_one():
    rows, columns = torch.randn(7, 30, dtype=torch.float64), torch.randn(5, 30, 3, dtype=torch.float64)
    whole, found = rows.T @ rows, spans.scatter_of([rows[:3], rows[3:]])
    assert found.inside.shape == (7, 7)
    torch.testing.assert_close(found @ columns, whole @ columns)
    torch.testing.assert_close(found.between(None), whole)
    torch.testing.assert_close(found.between(columns[0]), columns[0].T @ whole @ columns[0])
    assert found.trace() == pytest.approx(float(whole.trace()))
    assert spans.scatter_of([rows.T]).span is None


@pytest.mark.parametrize("spectrum", ["steep", "flat", "zero"])
def test_leading_eigenvectors_of_a_large_matrix(spectrum):
    dim, k = spans.LARGE + 40, 20
    z = torch.randn(300 if spectrum == "steep" else 2 * dim, dim, generator=torch.Generator().manual_seed(1)).double()
    if spectrum == "steep":
        z *= torch.logspace(0, -2, dim, dtype=torch.float64)
    matrix = z.T @ z * (spectrum != "zero")
    values, vectors = leading_eigenvectors(matrix, k)
    torch.testing.assert_close(values, torch.linalg.eigvalsh(matrix).flip(0)[:k], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(matrix @ vectors, vectors * values, rtol=1e-6, atol=1e-6 * float(values[0]) + 1e-12)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(k, dtype=torch.float64))
    again = leading_of_operator(lambda columns: Covariance(matrix) @ columns, dim, k)
    torch.testing.assert_close(again[0], values)
    rows = principal_components([z[:200]], k)[0] if spectrum == "steep" else values
    assert len(rows) == k


def test_leading_eigenvalues_are_the_largest_and_not_the_loudest():
    dim = spans.LARGE
    values = torch.cat([torch.tensor([3.0, 2, 1]), torch.linspace(-9, 0, dim - 3)]).double()
    found, vectors = leading_eigenvectors(values.diag(), 3)
    torch.testing.assert_close(found, values[:3])
    torch.testing.assert_close(vectors[:3].abs(), torch.eye(3, dtype=torch.float64))


def test_memory_is_asked_of_what_is_held(monkeypatch):
    asked = {}
    monkeypatch.setattr(
        "seqjepa.diagnostics.context.check_memory", lambda what, needed, smaller: asked.setdefault("bytes", needed)
    )
    sweeps = wide(6_000, steps=5, base_poses=1, joint=2)
    context = Context.of(sweeps, 0, [])
    kept = [c for f in context.fitted.values() for c in (*f.subspace.signals, *f.subspace.within)]
    held = sum(8 * (c.inside.numel() + (0 if c.span is None else c.span.numel()) / 2) for c in kept)  # W and S share it
    assert held <= asked["bytes"] < 8 * sweeps.dim**2


@pytest.mark.slow
def test_sixteen_thousand_dimensions_within_two_gibibytes():
    import subprocess
    import sys

    program = """
import resource
from tests.diagnostics.test_wide import wide
from seqjepa.diagnostics import diagnose
found = diagnose(wide(16_000, 24, steps=9, base_poses=2, joint=8), ideals=False)
assert "left_out" not in found.metadata, found.metadata["left_out"]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=1800)
    assert float(told.stdout.split()[-1]) < 2
