"""The benchmark of split representations: what it makes of sweeps is a whole of its own."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import seqjepa as sj

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import split


@pytest.fixture(scope="module")
def pca():
    return sj.PixelPCA.fit(sj.load_images("digits", "train"), 16)


FACTORS = sj.affine_factors(rotation=(-75, 75), translate_x=(-2, 2))


def test_a_part_of_the_code_is_all_of_it(pca):
    whole = sj.represent(pca, sj.load_images("digits", "test"), FACTORS, 20, 5, joint=3, progress=False)
    part = split.part_of(replace(whole, parts={"pose": (0, 4), "content": (4, 16)}), "content")
    assert part.dim == 12
    assert part.values["rotation"].equal(whole.values["rotation"][..., 4:])
    assert part.group_values["rotation"].equal(whole.group_values["rotation"][..., 4:])


def test_factors_one_at_a_time(pca):
    swept = split.one_at_a_time(pca, sj.load_images("digits", "test"), FACTORS, 20, {"progress": False})
    found = split.isolated(swept)
    assert swept.values["translate_x"].shape[2] == 37  # an odd number, so that the neutral value is among them
    assert 0 < found["isolated: explained_variance translate_x"] < 1
