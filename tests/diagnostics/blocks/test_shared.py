import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.blocks.shared import shared_estimates
from seqjepa.diagnostics.context import Context
from tests.ground_truths import contents

FACTORS = sj.affine_factors(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
COUNT = 64
BUT = [name for name in BLOCKS if name not in ("shared", "subspaces", "effects")]


def perfect(who, pose):
    """S13: [cos θ, sin θ, x, y, log s, content]."""
    still = contents(COUNT, 8, 0)[who]
    return torch.cat([pose[:, :1].cos(), pose[:, :1].sin(), pose[:, 1:3] / 7, pose[:, 3:], still], 1)


@pytest.fixture(scope="module")
def found():
    return sj.diagnose(sj.Sweeps.from_function(perfect, FACTORS, COUNT), skip=BUT, ideals=False)


def test_s13_a_perfect_code_is_told_so(found):
    """With the whole view moved around shifted poses its factors were "shared", its rotation of four dimensions."""
    assert {e.verdict for e in found["shared_variance"].values()} == {"separate"}
    assert {e.verdict for e in found["overlap"].values()} == {"separate"}
    assert max(e.value for e in found["shared_variance"].values()) < 1e-9
    assert min(e.value for e in found["explained_variance"].values()) > 1 - 1e-9
    assert [found["dimension"][f.name].value for f in FACTORS] == [2, 1, 1, 1]
    assert max(abs(found["variance_shares"][f.name, "smooth"].value) for f in FACTORS) < 1e-9


def test_two_factors_on_one_line_are_shared():
    def one_line(who, pose):
        code = perfect(who, pose)
        code[:, 2] += 2 * pose[:, 3]
        return code

    found = sj.diagnose(sj.Sweeps.from_function(one_line, FACTORS, COUNT), skip=BUT, ideals=False)["shared_variance"]
    assert found["translate_x", "scale"].verdict == "shared"
    assert found["translate_x", "scale"].value == pytest.approx(4 / 5, abs=0.01)  # cos² of (2, 1) and (1, 0)
    assert found["translate_y", "rotation"].verdict == "separate"
    assert found["scale", "translate_x"] == found["translate_x", "scale"]


@pytest.mark.parametrize("seed", range(3))
def test_noise_alone_is_neither_shared_nor_separate(seed):
    random = torch.Generator().manual_seed(seed)
    loud = torch.tensor([1.0, 2, 3, 4, 5, 6], dtype=torch.float64)

    def noise(who, pose):
        return torch.cat(
            [contents(COUNT, 8, 0)[who], torch.randn(len(who), 6, dtype=torch.float64, generator=random) * loud], 1
        )

    found = sj.diagnose(sj.Sweeps.from_function(noise, FACTORS, COUNT), skip=BUT, ideals=False)["shared_variance"]
    assert not {e.verdict for e in found.values()} & {"shared", "separate"}


def test_s10_a_constant_factor_has_no_answer():
    factors = (*FACTORS[:2], sj.Factor("hue", 0.0, 0.0))
    sweeps = sj.Sweeps.from_function(lambda who, pose: torch.cat([contents(COUNT, 4, 0)[who], pose], 1), factors, COUNT)
    found = sj.diagnose(sweeps, skip=BUT)["shared_variance"]
    assert found["rotation", "hue"].value is None
    assert found["rotation", "translate_x"].value is not None


def test_many_dimensions_are_compared_in_leading_components(found):
    q = torch.linalg.qr(torch.randn(200, 13, dtype=torch.float64, generator=torch.Generator().manual_seed(0))).Q
    wide = sj.Sweeps.from_function(lambda who, pose: perfect(who, pose) @ q.T, FACTORS, COUNT, base_poses=2)
    pair = ("rotation", "translate_x")
    estimate = sj.diagnose(wide, skip=BUT, ideals=False)["shared_variance"][pair]
    assert estimate.details["variance_held"] == pytest.approx(1)
    assert estimate.value == pytest.approx(found["shared_variance"][pair].value, abs=1e-9)


LINES = (sj.Factor("a", -1.0, 1.0), sj.Factor("b", -1.0, 1.0))


def shared_of(f, count=COUNT):
    made = sj.Sweeps.from_function(f, LINES, count, steps=13, base_poses=2, joint=4)
    return shared_estimates(Context.of(made, 0, ()))["shared_variance"]["a", "b"]


def test_the_contents_part_beside_it_knows_no_offset():
    still = contents(COUNT, 3, 0)
    apart, along = (
        shared_of(lambda who, pose, n=n: torch.cat([pose + 5 + n * still[who, :2], still[who]], 1)) for n in (0, 3)
    )
    assert max(apart.details["with_content"]) < 0.05  # an identity has two base poses of its own
    assert min(along.details["with_content"]) > 0.4


def test_a_quiet_factor_beside_more_loud_directions_than_are_kept():
    """Of 141 directions the factors' moves least: the 128 that move most do not hold it."""
    random = torch.Generator().manual_seed(0)

    def f(who, pose):
        loud = torch.randn(len(who), 140, dtype=torch.float64, generator=random)
        return torch.cat([loud, 1.2 * (pose[:, :1] + pose[:, 1:])], 1)

    found = shared_of(f, 300)
    assert found.value > 0.5
    assert found.verdict == "shared"
