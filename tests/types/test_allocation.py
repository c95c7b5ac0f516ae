"""Memory that is freed stays with the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import seqjepa as sj
from seqjepa.recipes import RECIPES, change
from seqjepa.training.preparing import prepare
from seqjepa.types.allocation import THEIRS

PROGRAM = """
import resource, sys
import torch
from seqjepa.types.allocation import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        held = [torch.ones(4_000_000) for _ in range(5)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before, kept = faults(), keep_freed_memory()
faults()
print(before, kept, faults())
"""


def told(**environment):
    own = {name: value for name, value in os.environ.items() if name not in THEIRS} | environment
    said = subprocess.run([sys.executable, "-c", PROGRAM], env=own, capture_output=True, text=True, check=True).stdout
    before, kept, after = said.split()
    return int(before), kept == "True", int(after)


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator is glibc's")
def test_a_block_that_is_freed_is_given_again_without_asking_the_system():
    before, kept, after = told()
    if not kept:
        pytest.skip("this C library has no mallopt")
    assert before > 3_000  # 16 MB have 3,906 pages, of 4 kB
    assert after < 100


def test_thresholds_that_the_user_has_set_stand():
    for name in THEIRS[:2]:
        assert not told(**{name: "131072"})[1]


def test_encoding_and_training_ask_for_it(monkeypatch):
    asked = []
    for module in ("extraction.planned", "training.preparing"):
        monkeypatch.setattr(f"seqjepa.{module}.keep_freed_memory", lambda module=module: asked.append(module))
    digits = sj.load_images("digits", "test")
    sj.represent(torch.nn.Flatten(), digits, sj.affine_factors(rotation=(-30, 30)), 4, 5, base_poses=1, progress=False)
    assert asked == ["extraction.planned"]
    prepare(change(RECIPES["digits_rotation"](), device="cpu"), Path("unused"))
    assert asked[1:] == ["training.preparing"]
