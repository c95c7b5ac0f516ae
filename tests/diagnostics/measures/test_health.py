import math

import pytest
import torch

from seqjepa.diagnostics import effective_rank, lidar, two_nn
from seqjepa.diagnostics.measures.health import RANKS, jackknife_interval, offset_share, ranks
from seqjepa.types import InputError, NotIdentifiable
from tests.ground_truths import contents, orthogonal


def views(identities=200, count=5, dims=(6, 3), dim=12, seed=0, offset=0.0):
    """Content in the first few directions, its views' differences in the next few."""
    random = torch.Generator().manual_seed(seed)
    between = torch.randn(identities, 1, dims[0], generator=random, dtype=torch.float64).expand(-1, count, -1)
    within = torch.randn(identities, count, dims[1], generator=random, dtype=torch.float64)
    rest = 1e-3 * torch.randn(identities, count, dim - sum(dims), generator=random, dtype=torch.float64)
    return torch.cat([between, within, rest], -1) @ orthogonal(dim, 1).T + offset


@pytest.mark.parametrize("kind", RANKS)
def test_ranks_in_one_pass_equal_each_rank_alone(kind):
    z = views(offset=1.0)
    value, left_out = ranks(z)[kind]
    assert value == pytest.approx(effective_rank(z.flatten(0, 1), kind, centre=RANKS[kind]), rel=1e-6)
    assert len(left_out) == 20
    assert left_out.std() > 0


@pytest.mark.parametrize("dim", [9, 12])
def test_ranks_of_a_jackknife_leave_whole_identities_out(dim):
    """Of ten views: with more dimensions than that, and with fewer."""
    z = views(identities=2, dim=dim)
    _, left_out = ranks(z)["participation"]
    alone = {round(effective_rank(z[i], "participation"), 6) for i in (0, 1)}
    assert {round(float(v), 6) for v in left_out} == alone


def test_a_jackknife_of_the_mean_is_the_standard_error():
    x = contents(400, 1, 0)[:, 0]
    left_out = torch.stack([x[torch.arange(400) % 20 != g].mean() for g in range(20)])
    low, high = jackknife_interval(float(x.mean()), left_out)
    assert (high - low) / 2 == pytest.approx(2.09 / math.sqrt(400), rel=0.35)


def test_a_bootstrap_would_call_every_rank_too_high():
    """Why ranks have a jackknife: resampled identities repeat, and repeated codes fill no dimension."""
    z = views(identities=30, dims=(25, 3), dim=30)
    value = effective_rank(z.flatten(0, 1), "eigen_entropy")
    random = torch.Generator().manual_seed(0)
    resampled = [
        effective_rank(z[torch.randint(30, (30,), generator=random)].flatten(0, 1), "eigen_entropy") for _ in range(100)
    ]
    assert sum(r < value for r in resampled) > 97
    low, high = jackknife_interval(*ranks(z)["eigen_entropy"])
    assert low < value < high


def test_s11_a_large_mean_and_the_two_forms_of_rankme():
    z = contents(300, 8, 0)
    moved = z + 100
    assert offset_share(moved) > 0.99 > 0.1 > offset_share(z)
    assert effective_rank(moved, "rankme", centre=False) < 2
    assert effective_rank(moved, "rankme", centre=True) == pytest.approx(
        effective_rank(z, "rankme", centre=True), rel=1e-9
    )


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_two_nn_finds_the_dimension_of_a_manifold(dim):
    flat = torch.rand(2000, dim, generator=torch.Generator().manual_seed(dim), dtype=torch.float64)
    curved = torch.cat([flat, flat.square()], 1) @ orthogonal(2 * dim, 3)
    assert two_nn(curved) == pytest.approx(dim, rel=0.1)


def test_two_nn_equals_scikit_dimensions():
    skdim = pytest.importorskip("skdim", reason="scikit-dimension is not installed")
    z = contents(500, 6, 2)
    assert two_nn(z) == pytest.approx(float(skdim.id.TwoNN().fit(z.numpy()).dimension_), rel=1e-6)


def test_lidar_counts_the_directions_of_content():
    assert lidar(views(identities=500)) == pytest.approx(6, abs=0.4)
    few = views(identities=500, dims=(2, 7))
    assert lidar(few) == pytest.approx(2, abs=0.3)


def test_lidar_does_not_see_rotations_or_scale():
    z = views()
    assert lidar(3 * z @ orthogonal(12, 9)) == pytest.approx(lidar(z), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: two_nn(torch.ones(50, 3)), NotIdentifiable, "1 distinct representations"),
        (lambda: lidar(torch.randn(5, 1, 3)), NotIdentifiable, "5 images of 1 views"),
        (lambda: lidar(torch.ones(5, 2, 3)), NotIdentifiable, "all have the same representation"),
        (lambda: ranks(torch.randn(1, 4, 3)), InputError, "two or more identities"),
    ],
)
def test_what_cannot_be_answered_is_said(call, error, says):
    with pytest.raises(error, match=says):
        call()
