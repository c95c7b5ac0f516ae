"""What a model is told of steps between views of a scene, and what probes predict of them."""

import math

import pytest
import torch

import seqjepa as sj
from seqjepa.factors.scenes import drawn_values
from seqjepa.factors.steps import (
    action_width,
    scene_actions,
    step_columns,
    step_targets,
    step_unit,
    steps_between,
    steps_read,
)
from seqjepa.types.factor import value_columns

EVERY_KIND = (
    sj.Factor("glow", -1, 3),
    sj.Factor("hue", 0, 360, "deg", period=360),
    sj.Factor("zoom", 0.5, 2, "ratio", logarithmic=True),
    sj.Factor.vector("place", -0.2, 0.2, 3),
    sj.Factor.levels("season", 4, cyclic=True),
    sj.Factor.levels("background", 3),
    sj.Factor.rotation("orientation"),
    sj.Factor.direction("light"),
)


def values(count=50, views=3):
    return drawn_values(EVERY_KIND, (count, views), torch.Generator().manual_seed(0))


def test_known_actions():
    before = torch.tensor([0.0, 350, 1, 0, 0, 0, 3, 2, 1, 0, 0, 0, 0, 0, 1]).double()
    half = math.sqrt(0.5)
    after = torch.tensor([1.0, 20, 2, 0.1, 0, 0, 1, 1, half, 0, 0, half, 1, 0, 0]).double()
    found = scene_actions(EVERY_KIND, torch.stack([before, after]))[0]
    told = [0.5, 0.5, math.cos(math.pi / 6), math.log(2), 0.5, 0, 0]  # 30° around the circle; halves of ranges are one
    told += [0, 0, 1, 0, 0, 1, 0, half, 0, 0, half, half, 0, half, 0]  # two seasons on; to background 1
    torch.testing.assert_close(found, torch.tensor(told))
    assert action_width(EVERY_KIND) == len(told)


def test_what_a_probe_should_say_is_read_as_the_step():
    drawn = values()[:, :2]
    read = steps_read(EVERY_KIND, step_targets(EVERY_KIND, drawn))
    for factor in EVERY_KIND:
        kind, true = factor.kind.steps, steps_between(EVERY_KIND, drawn)[factor.name][:, 0]
        nothing = 1.0 if factor.logarithmic else 0.0
        assert kind.error(read[factor.name], true) == pytest.approx([nothing] * 50, abs=1e-3)


def test_actions_are_those_between_neighbours():
    drawn = values()
    both, columns = scene_actions(EVERY_KIND, drawn), value_columns(EVERY_KIND)
    assert torch.equal(both[:, 1:], scene_actions(EVERY_KIND, drawn[:, 1:]))
    for factor in EVERY_KIND:  # a factor's columns depend on it alone
        alone = scene_actions((factor,), drawn[..., columns[factor.name]])
        width = alone.shape[-1]
        assert any(torch.equal(alone, both[..., at : at + width]) for at in range(both.shape[-1] - width + 1))


def test_units_are_half_ranges_of_what_has_a_unit():
    assert {f.name: step_unit(f) for f in EVERY_KIND} == {f.name: 1.0 for f in EVERY_KIND} | {"glow": 2, "place": 0.2}
    assert step_unit(sj.Factor("still", 3, 3)) == 1


def test_columns_of_targets():
    assert [part.stop - part.start for part in step_columns(EVERY_KIND).values()] == [1, 2, 1, 3, 4, 3, 9, 9]
