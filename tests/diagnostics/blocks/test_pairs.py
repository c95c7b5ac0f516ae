"""Verdicts about two factors, on representations whose geometry is known."""

import math

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics import factor_subspace
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.blocks.pairs import share_along
from seqjepa.diagnostics.measures.overlaps import Halves
from seqjepa.diagnostics.swept import grid_kernel
from seqjepa.types import Factor
from tests.ground_truths import contents, orthogonal

BUT = [name for name in BLOCKS if name not in ("shared", "subspaces")]
CIRCLES = [Factor("alpha", -180, 180, "deg", 360.0), Factor("beta", -180, 180, "deg", 360.0)]
LINES = [Factor("a", -1, 1), Factor("b", -1, 1)]
WORDS = ("shared", "shared in part", "separate")


def diagnosed(f, factors, identities=64, **more):
    return sj.diagnose(
        sj.Sweeps.from_function(f, factors, identities, **({"steps": 25, "base_poses": 2, "joint": 0} | more)),
        skip=BUT,
        ideals=False,
    )


@pytest.mark.parametrize("dim", [8, 12, 24, 64])
def test_s15_two_factors_that_share_half_of_their_directions_are_told(dim):
    """Alpha turns blocks 1 and 2, beta blocks 2 and 3: angles of 0, 0, 90 and 90 degrees."""
    turned = torch.view_as_complex(contents(64, 6, 5).reshape(64, 3, 2).contiguous())[:, None]
    still, q = contents(64, 58, 6), orthogonal(dim, 3)

    def code(who, pose):
        phase = torch.deg2rad(torch.stack([pose[:, 0], pose[:, 0] + pose[:, 1], pose[:, 1]], 1))
        blocks = torch.view_as_real(turned[who, 0] * torch.exp(1j * phase)).flatten(1)
        return torch.cat([blocks, still[who][:, : dim - 6]], 1) @ q

    found = diagnosed(code, CIRCLES)
    overlap = found["overlap"]["alpha", "beta"]
    assert found["dimension"]["alpha"].value == found["dimension"]["beta"].value == 4
    assert overlap.value == pytest.approx(0.5, abs=1e-6)
    assert overlap.verdict in ("shared", "shared in part")
    assert overlap.details["angles_deg"] == pytest.approx([0, 0, 90, 90], abs=1e-3)
    assert overlap.null_interval[0] < overlap.null < overlap.null_interval[1]


def lines_at_60_degrees(noise, dim=24, joint=0):
    q, still = orthogonal(dim, 4), contents(64, 8, 5)
    random = torch.Generator().manual_seed(7)

    def code(who, pose):
        z = pose[:, :1] * q[:, 0] + pose[:, 1:2] * (0.5 * q[:, 0] + math.sqrt(0.75) * q[:, 1])
        return z + still[who] @ q[:, 8:16].T + noise * torch.randn(len(who), dim, generator=random, dtype=torch.float64)

    return diagnosed(code, LINES, joint=joint)["overlap"]["a", "b"]


def test_one_geometry_has_one_verdict_whatever_the_noise():
    found = [lines_at_60_degrees(noise) for noise in (0.0, 0.01, 0.1, 0.2, 0.3, 0.4)]
    assert len({estimate.verdict for estimate in found}) == 1
    for estimate in found:
        assert estimate.value == pytest.approx(0.25, abs=0.05)
        assert estimate.interval[0] - 1e-9 <= 0.25 <= estimate.interval[1] + 0.02


def test_unequal_noise_alone_has_no_dimension_and_no_verdict():
    """Taken for a factor it had six dimensions for each, overlap 0.997, "shared"."""
    strength, random = torch.ones(24, dtype=torch.float64), torch.Generator().manual_seed(1)
    strength[:6], strength[6:12] = 5, 2
    still = contents(64, 24, 2)

    def code(who, _):
        return still[who] + 0.5 * strength * torch.randn(len(who), 24, generator=random, dtype=torch.float64)

    found = diagnosed(code, [*LINES, CIRCLES[0]], joint=10)
    assert {estimate.value for estimate in found["dimension"].values()} == {0}
    for metric in ("explained_variance", "reliability", "overlap", "alignment"):
        assert {estimate.reason for estimate in found[metric].values()} == {"no direction stands above noise"}


def test_s14_a_perfect_code_beside_loud_noise_keeps_its_subspaces():
    """Noise of 20 times the signal in six further dimensions; a share of the whole is then not known."""
    factors = sj.affine_factors(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
    still, random = contents(128, 40, 0) / 40**0.5, torch.Generator().manual_seed(0)

    def code(who, pose):
        clean = [pose[:, :1].cos(), pose[:, :1].sin(), pose[:, 1:3] / 7, pose[:, 3:], still[who]]
        return torch.cat([*clean, 10 * torch.randn(len(who), 6, generator=random, dtype=torch.float64)], 1)

    found = diagnosed(code, factors, 128, base_poses=5, joint=20)
    assert [found["dimension"][factor.name].value for factor in factors] == [2, 1, 1, 1]
    for name, place in (("rotation", slice(0, 2)), ("translate_x", slice(2, 3)), ("scale", slice(4, 5))):
        own = found.subspaces[name][:, : place.stop - place.start]
        assert float(own[place].square().sum() / own.shape[1]) > 0.85
    assert {e.verdict for e in found["overlap"].values()} <= {"separate"}
    assert found["explained_variance"]["translate_x"].reason.startswith("noise hides")


def test_independent_directions_are_aligned_by_chance_only():
    """Two random directions each, of one spread: beside a mean they were "above" in a third of all pairs."""
    said = []
    for seed in range(30):
        random = torch.Generator().manual_seed(seed)
        spread = torch.tensor([2.0] * 4 + [0.7] * 12, dtype=torch.float64)
        f, g = (spread * torch.randn(16, generator=random, dtype=torch.float64) for _ in range(2))
        still = contents(40, 16, seed) * spread

        def code(who, pose, f=f, g=g, still=still, random=random):
            z = still[who] + (pose[:, :1] * f + pose[:, 1:2] * g) / 2
            return z + 0.1 * torch.randn(len(who), 16, generator=random, dtype=torch.float64)

        found = diagnosed(code, LINES, 40, steps=9, base_poses=1, joint=10)
        said += [estimate.verdict for metric in ("alignment", "overlap") for estimate in found[metric].values()]
    assert said.count("above its null") <= 6  # of 60
    assert sum(word in WORDS[:2] for word in said) <= 6


def test_a_share_moves_with_directions_that_are_left_out():
    """Every image moves alike along the first axis, so that only the other factor's directions can vary."""
    still = contents(40, 4, 3)
    along_first = sj.Sweeps.from_function(
        lambda who, pose: torch.cat([pose[:, :1], still[who]], 1), LINES[:1], 40, steps=9, base_poses=1
    )
    space = factor_subspace(along_first.values["a"], torch.arange(40) % 2 == 0, grid_kernel(along_first, "a"))
    angle = math.pi / 4 + torch.linspace(-0.01, 0.01, 20, dtype=torch.float64)
    left_out = torch.zeros(20, 5, 1, dtype=torch.float64)
    left_out[:, 0, 0], left_out[:, 1, 0] = angle.cos(), angle.sin()
    middle = torch.tensor([0.5, 0.5, 0, 0, 0], dtype=torch.float64).sqrt()[:, None]
    found = share_along(space, space.total / 2, space.total, Halves(middle, middle, (left_out, left_out)))
    standard_error = (19 * angle.cos().square().var(correction=0)).sqrt()  # the jackknife's, of 20 groups
    assert found.value == pytest.approx(0.5, abs=1e-3)
    assert float(found.draws.std() / standard_error) == pytest.approx(1.1, abs=0.1)  # Student's, with 19 degrees


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_an_offset_and_a_turn_change_nothing(offset):
    q, still = orthogonal(12, 9), contents(64, 6, 1)
    random = [torch.Generator().manual_seed(3) for _ in range(2)]

    def code(who, pose, random):
        z = torch.cat([pose[:, :1] + 0.6 * pose[:, 1:2], pose[:, 1:2], still[who]], 1)
        z = torch.cat([z, torch.zeros(len(who), 4, dtype=torch.float64)], 1)
        return z + 0.2 * torch.randn(len(who), 12, generator=random, dtype=torch.float64)

    plain = diagnosed(lambda who, pose: code(who, pose, random[0]), LINES, joint=6)
    moved = diagnosed(lambda who, pose: code(who, pose, random[1]) @ q + offset, LINES, joint=6)
    for metric in ("dimension", "explained_variance", "reliability", "overlap", "alignment"):
        for key, estimate in plain[metric].items():
            other = moved[metric][key]
            assert other.verdict == estimate.verdict
            assert other.value == pytest.approx(estimate.value, abs=1e-4), (metric, key)
            assert other.interval == pytest.approx(estimate.interval, abs=1e-3), (metric, key)


@pytest.mark.parametrize("dim", [1, 2])
def test_few_dimensions_answer_or_say_why(dim):
    still = contents(64, 2, 0)
    found = diagnosed(lambda who, pose: (still[who] + pose[:, :2])[:, :dim], LINES, joint=4)
    assert found["dimension"]["a"].value == 1
    assert found["explained_variance"]["a"].value == pytest.approx(1)
    if dim == 1:
        assert "does not move" in found["dimension"]["b"].reason
        assert "fills the whole representation" in found["reliability"]["a"].reason
    else:
        assert found["overlap"]["a", "b"].value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (lambda who, _: torch.full((len(who), 3), 1e8, dtype=torch.float64), "does not move"),
        (lambda who, _: contents(64, 3, 0)[who] + 1e8, "does not move"),
    ],
)
def test_constant_and_invariant_codes_abstain(code, says):
    found = diagnosed(code, LINES, joint=4)
    for metric in found.estimates.values():
        for estimate in metric.values():
            assert estimate.value is None
            assert says in estimate.reason


def test_too_few_values_of_a_line_are_said():
    found = diagnosed(lambda who, pose: torch.cat([pose, contents(64, 3, 0)[who]], 1), LINES, steps=3)
    assert "5 are the least" in found["dimension"]["a"].reason
    assert "5 are the least" in found["shared_variance"]["a", "b"].reason
