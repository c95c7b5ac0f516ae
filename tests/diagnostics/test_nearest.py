"""Which ideal a code is closer to: known for codes that are one of them, or neither."""

from functools import cache

import pytest
import torch

from seqjepa.diagnostics import diagnose
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.ideals import ideal_values, known_sweeps
from seqjepa.diagnostics.nearest import nearest_ideal
from seqjepa.sweeps import Sweeps
from tests.ground_truths import FACTORS, additive, multiplicative, noise
from tests.hurried import hurried

NEEDED = [name for name in BLOCKS if name not in ("effects", "group")]
NAMES = [f.name for f in FACTORS]
I = 40  # noqa: E741


def by_hand(share, of_ideals=(1.0, 0.2), operator=0.9, smooth=None, **details):
    """The ideal of a factor with these values; ``smooth``: the common part of what moves smoothly, and the rest."""
    ends = dict(zip(("disentangled", "equivariant"), of_ideals, strict=True))
    found = {"operator": {"x": Estimate(operator, details=details)}, "orbit_share": {"x": Estimate(share, ideals=ends)}}
    if smooth:
        parts = zip(("factor", "smooth"), smooth, strict=True)
        found["variance_shares"] = {("x", part): Estimate(value) for part, value in parts}
    return nearest_ideal(Diagnosis(found), "x")


def test_the_place_between_the_ideals_by_hand():
    assert [by_hand(share) for share in (0.75, 0.7, 0.5, 0.45)] == ["disentangled", "between", "between", "equivariant"]
    assert [by_hand(share, (0.9, 0.9)) for share in (0.8, 0.4)] == ["both", "between"]
    assert by_hand(0.5, smooth=(0.45, 0.05)) == "disentangled"  # the rest of the movement is noise
    assert by_hand(0.9, smooth=(0.0, 0.0)) == "disentangled"


def test_what_is_neither_by_hand():
    assert by_hand(0.9, operator=0.45) == "neither"
    assert by_hand(0.9, operator=0.45, network=0.8) == "disentangled"  # a network removes little more
    assert by_hand(0.9, operator=0.35, network=0.8) == "neither"


@cache
def ideals():
    """They are of the design, which all codes here have in common."""
    return ideal_values(swept(additive(I)), 0, {name: block for name, block in BLOCKS.items() if name not in NEEDED})


def nearest(made):
    found = diagnose(made, skip=NEEDED, ideals=ideals())
    return [nearest_ideal(found, name) for name in NAMES]


def swept(f):
    return Sweeps.from_function(f, FACTORS, I, steps=12, base_poses=2, joint=4)


def noisy(made, size):
    random = torch.Generator().manual_seed(0)
    for codes in (*made.values.values(), *made.group_values.values()):
        codes += size * torch.randn(codes.shape, generator=random, dtype=torch.float64)
    return made


@pytest.mark.parametrize("size", [0.0, 0.1, 0.2])
def test_each_ideal_is_nearest_to_itself(size):
    made = known_sweeps(swept(additive(I)))
    assert nearest(noisy(made["disentangled"], size)) == ["disentangled", "both", "both", "disentangled"]
    assert nearest(noisy(made["equivariant"], size)) == ["equivariant", "both", "both", "equivariant"]


def test_codes_of_the_kinds():
    assert nearest(swept(additive(I)))[0] == "disentangled"  # S1
    assert nearest(swept(multiplicative(I)))[0] == "equivariant"  # S2
    assert nearest(swept(noise(12)))[0] in (None, "neither")  # S4


def test_without_ideals_nothing_is_said():
    with hurried():
        found = diagnose(swept(additive(I)), skip=NEEDED, ideals=False)
    assert nearest_ideal(found, "rotation") is None
    assert nearest_ideal(found, "no such factor") is None
