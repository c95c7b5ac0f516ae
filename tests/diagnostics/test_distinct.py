"""Identities that occur more than once are counted once."""

from dataclasses import replace

import pytest
import torch

from seqjepa.diagnostics import Diagnosis, diagnose
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.distinct import of_identities
from seqjepa.diagnostics.measures.repeats import first_of_equal
from seqjepa.report import RunRecord
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor, InputError
from tests.ground_truths import contents

LINE = Factor("a", -1, 1)


def only(sweeps, *blocks, **more):
    return diagnose(sweeps, skip=[block for block in BLOCKS if block not in blocks], **more)


def pictures(count, seed=0, identities=64):
    """So many different pictures among the identities, each as often."""
    content, slope, own = contents(count, 8, seed), contents(count, 2, seed + 500), torch.arange(identities) % count

    def f(who, pose):
        return torch.cat([content[own[who]], slope[own[who]] * pose[:, :1]], 1)

    return Sweeps.from_function(f, [LINE], identities, steps=13, base_poses=1, joint=0, seed=seed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_rows_are_found_up_to_rounding(dtype):
    rows = contents(40, 5, 0).to(dtype)
    rows[7], rows[31] = rows[3], rows[3] * (1 + 2 * torch.finfo(dtype).eps)
    rows[33] = rows[3] * (1 - 2 * torch.finfo(dtype).eps)  # one of the two comes before it along any line
    rows[20] = rows[11]
    expected = torch.arange(40)
    expected[7] = expected[31] = expected[33] = 3
    expected[20] = 11
    assert first_of_equal(rows).equal(expected)
    assert first_of_equal(rows + 1e-3 * contents(40, 5, 1).to(dtype)).equal(torch.arange(40))


def test_copies_are_left_out_and_told():
    found = only(pictures(32), "effects")
    assert (
        found.metadata["repeated"]
        == "64 identities are 32 different ones by their representations; each is counted once"
    )
    assert found.metadata["identities"] == 32
    assert sorted(found.split.train + found.split.validation + found.split.test) == list(range(32))
    assert found["sensitivity"]["a"] == only(pictures(32, identities=32), "effects")["sensitivity"]["a"]
    assert found.table().splitlines()[0].strip() == found.metadata["repeated"]
    assert "repeated" not in only(pictures(64), "effects").metadata


@pytest.mark.parametrize("copy", [(1, 0), (30, 7), (63, 62)], ids=["at the start", "in the middle", "at the end"])
def test_a_copy_anywhere_is_left_out_and_the_rest_is_diagnosed_saved_and_shown(copy, tmp_path):
    place, of = copy
    content, slope = contents(64, 8, 0), contents(64, 2, 500)
    content[place], slope[place] = content[of], slope[of]
    sweeps = Sweeps.from_function(
        lambda who, pose: torch.cat([content[who], slope[who] * pose[:, :1]], 1),
        [LINE],
        64,
        steps=9,
        base_poses=1,
        joint=0,
    )
    found = only(sweeps, "effects", "subspaces", ideals=False)
    assert sorted(found.split.places) == [i for i in range(64) if i != place]
    found.save(tmp_path / "diagnosis.json")
    sweeps.save(tmp_path / "sweeps.safetensors")
    assert Diagnosis.load(tmp_path / "diagnosis.json").split == found.split
    assert RunRecord(found, sweeps).swept() is sweeps
    fewer = of_identities(sweeps, torch.arange(60))
    with pytest.raises(InputError, match="60 identities, and 63 were diagnosed"):
        RunRecord(found, fewer)


def test_intervals_over_copies_cover():
    hits = 0
    for seed in range(40):
        sweeps = pictures(32, seed)
        square = float(sweeps.grids["a"].square().sum())
        truth = 2 * square / 12 / (2 * (8 + 2 * square / 13))
        low, high = only(sweeps, "effects")["sensitivity"]["a"].interval
        hits += low <= truth <= high
    assert hits >= 35  # of 40; 95 % would be 38


def test_too_few_to_be_left_are_kept_with_a_warning():
    """A code of the class alone looks the same as copies."""
    found = only(pictures(8), "effects")
    assert found.metadata["repeated"].startswith("64 identities have 8 different representations: if they are copies")
    assert found.metadata["identities"] == 64


def test_images_say_who_is_a_copy_whatever_the_code():
    noise = torch.Generator().manual_seed(0)
    sweeps = Sweeps.from_function(
        lambda who, _: torch.randn(len(who), 3, generator=noise, dtype=torch.float64), [LINE], 60, joint=2
    )
    image = torch.randint(256, (30, 1, 4, 4), generator=noise).byte()
    assert only(replace(sweeps, images=image.repeat(2, 1, 1, 1)), "health").metadata["identities"] == 30
    few = only(replace(sweeps, images=image[:10].repeat(6, 1, 1, 1)), "health")
    assert few.metadata["repeated"].startswith("60 identities have 10 different images: if they are copies")


def test_a_baseline_that_tells_no_images_apart_makes_no_copies():
    content = contents(40, 3, 0)
    mine = Sweeps.from_function(lambda who, pose: content[who] + pose[:, :1], [LINE], 40, joint=0)
    flat = Sweeps.from_function(lambda who, pose: pose[:, :1].expand(-1, 3), [LINE], 40, joint=0)
    found = only(mine, "effects", baselines={"flat": flat})
    assert found.metadata["identities"] == found.baselines["flat"].metadata["identities"] == 40
    assert "repeated" not in found.metadata
