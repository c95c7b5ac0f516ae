"""Operators in noise, mixtures, folded frequencies, closure in few components, orbits of noise."""

import math

import pytest
import torch

from seqjepa.diagnostics import diagnose
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.blocks.closure import closure_estimates
from seqjepa.diagnostics.blocks.group import group_estimates
from seqjepa.diagnostics.blocks.retrieval import retrieval_estimates
from seqjepa.diagnostics.bounds import within
from seqjepa.diagnostics.context import Context, from_ratio
from seqjepa.diagnostics.measures.orbits import orbit_share, orbit_spectrum
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.containers import Predictions
from seqjepa.types import Factor
from tests.ground_truths import contents

I = 96  # noqa: E741
ROTATION, LINE = Factor("rotation", -180, 180, "deg", 360.0), Factor("a", -1, 1)


def white(seed):
    random = torch.Generator().manual_seed(seed)
    return lambda who, dim: torch.randn(len(who), dim, generator=random, dtype=torch.float64)


def circle(pose, radius=2.0):
    return radius * torch.cat([pose[:, :1].cos(), pose[:, :1].sin()], 1)


def swept(f, factor=ROTATION, **more):
    return Sweeps.from_function(f, [factor], I, **({"steps": 25, "base_poses": 1, "joint": 0} | more))


def group(f, factor=ROTATION, **more):
    return group_estimates(Context.of(swept(f, factor, **more), 0, ()))


@pytest.mark.parametrize("seed", range(2))
def test_an_additive_circle_in_loud_noise_is_not_far_from_linear(seed):
    content, noise = 0.5 * contents(I, 4, seed), white(seed)
    operator = group(lambda who, pose: torch.cat([content[who], circle(pose)], 1) + noise(who, 6))["operator"][
        "rotation"
    ]
    assert operator.value < 0.4
    assert operator.value == pytest.approx(operator.details["ceiling"], abs=0.05)
    assert operator.verdict == "additive: it moves all images alike"


@pytest.mark.parametrize("seed", range(2))
def test_an_additive_line_in_noise_is_not_far_from_linear(seed):
    content, noise = contents(I, 4, seed), white(seed)
    operator = group(lambda who, pose: torch.cat([content[who], pose[:, :1]], 1) + 0.2 * noise(who, 5), LINE)[
        "operator"
    ]
    assert operator["a"].verdict == "additive: it moves all images alike"


@pytest.mark.parametrize("seed", range(2))
def test_content_in_noise_gives_an_operator_nothing_to_act_on(seed):
    """To shrink a representation to its content is better than to leave it, and says nothing of the factor."""
    content, noise = contents(I, 8, seed), white(seed)
    found = group(lambda who, _: content[who] + noise(who, 8))
    for metric in ("operator", "composition", "inverse", "frequency", "drift"):
        assert found[metric]["rotation"].reason.startswith("nothing to act on")


def test_half_of_the_images_standing_still_are_a_mixture():
    content, noise, moves = contents(I, 8, 0), white(0), (torch.arange(I) % 2).double()[:, None]

    def f(who, pose):
        return torch.cat([content[who] + 3 * moves[who], moves[who] * circle(pose)], 1) + 0.05 * noise(who, 10)

    assert group(f)["operator"]["rotation"].verdict == "some images move, others do not"


def test_a_strong_warp_is_still_far_from_linear():
    phase = 3 * contents(I, 1, 0)[:, 0]

    def f(who, pose):
        angle = pose[:, 0] + phase[who]
        wound = 2 * angle + 1.2 * torch.sin(angle)
        return torch.stack([wound.cos(), wound.sin()], 1)

    operator = group(f, base_poses=2)["operator"]["rotation"]
    assert operator.details["network"] > operator.value + 0.1
    assert operator.details["ceiling"] > 0.99
    assert operator.verdict == "far from linear"


@pytest.mark.parametrize(("steps", "leading", "told"), [(9, 4, False), (25, 5, True)])
def test_frequencies_that_a_grid_folds_are_flagged(steps, leading, told):
    turned = torch.view_as_complex(contents(I, 4, 2).reshape(I, 2, 2)) * torch.tensor([0.5, 1.0])

    def f(who, pose):
        blocks = turned[who] * torch.exp(1j * torch.tensor([2, 5]) * pose[:, :1])
        return torch.view_as_real(blocks).flatten(1)

    found = group(f, steps=steps)
    for metric in ("frequency", "orbit_leading"):
        estimate = found[metric]["rotation"]
        assert estimate.details["highest_frequency"] == (steps - 1) // 2
        assert (estimate.details["may_be_folded"] < 0.1) == told
        assert estimate.verdict.startswith("not told: ") != told
        assert told or f"folded by {steps} grid values" in estimate.verdict
    assert found["orbit_leading"]["rotation"].details["leading"] == leading


def test_orbits_of_noise_are_at_their_nulls():
    said, leading = [], []
    for seed in range(40):
        content, noise = contents(I, 16, seed), white(seed)
        sweeps = swept(lambda who, _, c=content, n=noise: c[who] + 0.5 * n(who, 16), steps=13)
        z = sweeps.values["rotation"]
        found, spectrum = orbit_share(z, torch.arange(I) < I // 2), orbit_spectrum(z)
        said.append(from_ratio(found.share, found.null).verdict)
        leading.append(from_ratio(spectrum.energy[spectrum.leading - 1], spectrum.null).verdict)
    assert said.count("at its null") >= 38
    assert leading.count("at its null") >= 38


def test_permuted_grids_give_the_null_of_the_orbit_share():
    noise = white(0)
    z = swept(lambda who, pose: torch.cat([circle(pose), contents(I, 2, 0)[who]], 1) + noise(who, 4), steps=13)
    z, train = z.values["rotation"], torch.arange(I) < I // 2
    random, drawn = torch.Generator().manual_seed(1), []
    for _ in range(400):
        order = torch.rand(z.shape[:3], generator=random).argsort(-1)
        drawn.append(orbit_share(z.gather(2, order[..., None].expand_as(z)), train).share.value)
    quantiles = torch.tensor([0.025, 0.5, 0.975], dtype=torch.float64)
    expected = torch.tensor(drawn, dtype=torch.float64).quantile(quantiles)
    torch.testing.assert_close(orbit_share(z, train).null.quantile(quantiles), expected, atol=0.004, rtol=0)


def waves(rings):
    """Plane waves: shifts are exactly diagonal phases, so that their generators commute."""
    angle = torch.arange(12) * 2 * math.pi / 12
    size = torch.view_as_complex(contents(64, 24 * rings, 3).reshape(64, rings, 12, 2))
    radius = torch.linspace(0.15, 0.3, rings).double()

    def f(who, pose):
        parts = []
        for ring in range(rings):
            phase = radius[ring] * (angle.cos() * pose[:, 1:2] + angle.sin() * pose[:, 2:3])
            parts.append(torch.view_as_real(size[who, ring] * torch.exp(1j * phase)).flatten(1))
        return torch.cat(parts, 1)

    factors = [Factor("translate_x", -7, 7), Factor("translate_y", -7, 7)]
    sweeps = Sweeps.from_function(f, factors, 64, steps=49, base_poses=3, joint=0)
    return closure_estimates(Context.of(sweeps, 0, ()))["translate_x", "translate_y"]


def test_shifts_that_commute_close():
    """In 32 of the 48 components they closed to 0.1, with an interval far from 0."""
    found = within(waves(2), 0, None)
    assert found.value < 0.01
    assert found.interval[0] < 0.005
    assert found.details["components"] == 48
    assert found.details["variance_held"] == pytest.approx(1)


def test_closure_abstains_where_too_much_is_cut_off():
    noise = white(0)
    factors = [Factor("translate_x", -7, 7), Factor("translate_y", -7, 7)]
    sweeps = Sweeps.from_function(lambda who, _: noise(who, 160), factors, 40, steps=15, base_poses=2, joint=0)
    found = closure_estimates(Context.of(sweeps, 0, ()))["translate_x", "translate_y"]
    assert found.reason.startswith("64 components hold")


def test_retrieval_of_an_invariant_code_is_at_chance():
    """All views are equals, up to rounding: the mean rank's own score would be below chance."""
    content, noise = contents(I, 6, 0), white(0)
    sweeps = swept(lambda who, _: content[who] * (1 + 1e-16 * noise(who, 1)), steps=9)
    source, target = torch.zeros(I, 1, 4).long(), torch.arange(1, 5).expand(I, 1, 4)
    predicted = content[:, None, None].expand(I, 1, 4, 6) + 0.1 * noise(torch.arange(4 * I), 6).reshape(I, 1, 4, 6)
    object.__setattr__(sweeps, "predictions", {"rotation": Predictions(predicted, source, target)})
    for estimate in retrieval_estimates(Context.of(sweeps, 0, ()))["retrieval"].values():
        assert estimate.value == pytest.approx(estimate.null, abs=1e-9)
        assert estimate.verdict == "at its null"


def test_noise_of_few_images_has_nothing_to_act_on():
    """The better of two fits explains a twentieth of noise now and then; that is no operator far from linear."""
    factor = Factor("a", -1, 1)
    for seed in range(6):
        random = torch.Generator().manual_seed(seed)
        content = 2 * torch.randn(20, 16, generator=random, dtype=torch.float64)

        def code(who, pose, content=content, random=random):
            return content[who] + torch.randn(len(who), 16, generator=random, dtype=torch.float64)

        swept = Sweeps.from_function(code, [factor], 20, steps=13, base_poses=2, joint=0, seed=seed)
        skip = [block for block in BLOCKS if block != "group"]
        found = diagnose(swept, seed=seed, skip=skip, ideals=False)["operator"]["a"]
        assert found.value is None, found
        assert "nothing to act on" in found.reason
