"""Batches by bytes, and by halves where memory runs out."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import seqjepa as sj
from seqjepa.extraction import batching, reading, represent
from seqjepa.extraction.loop import cut
from seqjepa.types import OutOfMemory

SMALL = dict(identities=5, steps=4, base_poses=2, joint=3, progress=False)
FACTORS = sj.affine_factors(rotation=(-180, 180), translate_x=(-4, 4))


@pytest.fixture(scope="module")
def images():
    return sj.load_images("digits", "test")


def unchecked(codes_of, few):
    return {"z": torch.zeros(len(few), 784)}


LACKING = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")


def limited(most, seen, error=LACKING):
    def encoder(x):
        seen.append(len(x))
        if len(x) > most:
            raise error
        return x.flatten(1)

    return encoder


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory("mine")])
def test_halved_until_it_fits_and_the_same_comes_of_it(images, caplog, error):
    whole = represent(sj.pixels, images, FACTORS, **SMALL)
    seen = []
    # 16 views are looked at first.
    found = represent(limited(16, seen, error), images, FACTORS, **SMALL)
    for name, codes in whole.values.items():
        assert torch.equal(found.values[name], codes)
    assert torch.equal(found.joint, whole.joint)
    assert "views at once; going on with" in caplog.text


def test_a_single_view_that_does_not_fit_is_the_end(images, monkeypatch):
    monkeypatch.setattr(reading, "check_encoder", unchecked)
    with pytest.raises(OutOfMemory, match="out of memory: the encoder"):
        represent(limited(0, []), images, FACTORS, **SMALL)


def test_other_errors_are_not_tried_again(images, monkeypatch):
    seen = []
    monkeypatch.setattr(reading, "check_encoder", unchecked)
    with pytest.raises(sj.InputError, match="a shape"):
        represent(limited(0, seen, RuntimeError("a shape")), images, FACTORS, **SMALL)
    assert len(seen) == 1


def test_large_images_are_fewer_at_once(images, monkeypatch):
    seen = []
    monkeypatch.setattr(batching, "VIEWS_BYTES", 7 * 4 * 784)
    monkeypatch.setattr(reading, "check_encoder", unchecked)
    represent(limited(7, seen), images, FACTORS, **SMALL | {"steps": 9})
    assert max(seen) == 7


@given(identities=st.integers(1, 40), count=st.integers(0, 40), at_once=st.integers(1, 300))
def test_parts_are_all_views_once(identities, count, at_once):
    grid = torch.zeros(identities, count)
    for who, which in cut(slice(0, identities), slice(0, count), at_once):
        grid[who, which] += 1
        assert grid[who, which].numel() <= at_once
    assert bool((grid == 1).all())
