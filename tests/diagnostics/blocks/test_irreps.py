"""The irreps of a diagnosis: in its table, its sentence and its figure."""

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.report.irreps import in_words, multiplicities
from seqjepa.report.summary import headline
from seqjepa.types import NotIdentifiable
from tests.ground_truths import FACTORS, additive, contents, multiplicative

I = 40  # noqa: E741


def diagnosed(f, factors=FACTORS[:1], steps=25, skip=("subspaces",)):
    sweeps = sj.Sweeps.from_function(f, factors, I, steps=steps, base_poses=2, joint=1)
    return sj.diagnose(sweeps, skip=[name for name in BLOCKS if name not in ("irreps", *skip)], ideals=False)


def test_the_known_answer_with_interval_null_and_words():
    found = diagnosed(multiplicative(I))
    told = {key[1]: estimate for key, estimate in found["irreps"].items()}
    assert {k: estimate.value for k, estimate in told.items() if estimate.value} == {"k0": 4, "k1": 4, "k2": 4}
    assert told["k1"].interval == (4, 4)
    assert (told["k1"].null, told["k1"].verdict) == (0, "above its null")
    assert (told["k3"].value, told["k3"].verdict) == (0, "at its null")
    assert told["k1"].details["energy"] + told["k2"].details["energy"] == pytest.approx(1)
    assert found["no_representation"]["rotation"].value == pytest.approx(0, abs=1e-9)
    assert found["no_representation"]["rotation"].verdict == "below its null"
    [said] = in_words(found, "rotation")
    assert said == (
        "under SO(2) these 20 dimensions are 4 × k0 ⊕ 4 × k1 ⊕ 4 × k2, 0.0 % is no representation of it, "
        "0.0 % leaks into k ± 4 (the pixel grid)"
    )
    assert any(said in sentence for sentence in headline(found))
    above, below, *_ = multiplicities(found).axes
    assert [bar.get_height() for bar in above.patches] == [told[k].value for k in told]
    assert sum(bar.get_height() for bar in below.patches) == pytest.approx(1)


def test_as_many_as_the_images_show_may_be_more():
    still = contents(I, 90, 0)
    found = diagnosed(lambda who, pose: torch.cat([pose[:, :1].cos(), pose[:, :1].sin(), still[who]], 1))
    k0 = found["irreps"]["rotation", "k0"]
    assert (k0.value, k0.details["at_most"]) == (I // 2 - 1, I // 2 - 1)  # of the half that fits, less the mean
    assert k0.verdict == "at least so many: these images show no more"
    assert f"at least {I // 2 - 1} × k0 ⊕ 1 × k1" in in_words(found, "rotation")[0]


def test_frequencies_that_the_grid_cannot_tell_are_not_answered():
    found = diagnosed(multiplicative(I), steps=9)["irreps"]
    assert found["rotation", "k3"].value == 0
    assert "3 is the highest frequency" in found["rotation", "k4"].reason


def test_only_full_circles():
    half = sj.affine_factors(rotation=(-90, 90), translate_x=(-7, 7))
    found = diagnosed(additive(I), half, steps=9)
    assert {key[0] for key in found["irreps"]} == {"rotation"}
    assert found["irreps"]["rotation", "k1"].reason == "it needs the full circle"
    assert not in_words(found, "rotation")
    with pytest.raises(NotIdentifiable):
        multiplicities(found)


def test_a_code_that_does_not_turn():
    found = diagnosed(lambda who, pose: torch.sin(7.0 * who[:, None] + torch.arange(5.0)).double(), skip=())
    assert "does not move" in found["irreps"]["rotation", "k1"].reason
    assert found["no_representation"]["rotation"].value is None
