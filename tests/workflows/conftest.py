"""Digits for the tests of workflows."""

import pytest

import seqjepa as sj
from tests.hurried import few_figures, hurry  # noqa: F401


@pytest.fixture(scope="module")
def images():
    return tuple(sj.load_images("digits", split) for split in ("train", "test"))
