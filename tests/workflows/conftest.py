"""Digits for the tests of workflows."""

import pytest

import seqjepa as sj


@pytest.fixture(scope="module")
def images():
    return tuple(sj.load_images("digits", split) for split in ("train", "test"))
