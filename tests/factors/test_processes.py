"""Scenes that several processes render: the same images in the same order, and what fails is told."""

import pytest
import torch

from seqjepa.factors import processes
from seqjepa.factors.scenes import pixels_of
from seqjepa.types import Factor, InputError


class Apart:
    """Small images that say which identity and value they are of; of module level, so that other processes find it."""

    factors = (Factor("glow", 0, 1),)
    several_processes = True

    def __init__(self, broken=False):
        self.broken = broken

    def __len__(self):
        return 9

    def render(self, identities, values):
        if self.broken and (identities == 7).any():
            raise ValueError("no such lamp")
        print("a renderer's own words")
        image = torch.stack([identities.float() / 9, values[:, 0].float(), values[:, 0].float() / 2], 1)
        return image[:, :, None, None].expand(-1, -1, 2, 2)


@pytest.fixture
def asked(monkeypatch):
    """Identities and values, and how many processes were begun for them, where two are worth it."""
    begun, start = [], processes._started
    monkeypatch.setattr(processes, "WORTH_IT", -1.0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(processes, "_started", lambda *of: begun.append(start(*of)) or begun[-1])
    who = torch.arange(9).repeat_interleave(3)
    return who, torch.linspace(0, 1, 27, dtype=torch.float64)[:, None], begun


def test_images_of_two_processes_are_those_of_one(asked):
    who, values, begun = asked
    several = pixels_of(Apart(), who, values, at_once=4)
    assert len(begun) == 2
    assert all(process.returncode is not None for process in begun)  # none is left behind
    scene = Apart()
    scene.several_processes = False
    assert torch.equal(several, pixels_of(scene, who, values, at_once=4))
    assert len(begun) == 2
    assert torch.equal(several[:, 0, 0, 0], (who / 9 * 255).round().byte())


def test_what_a_process_cannot_render_is_told(asked):
    who, values, begun = asked
    with pytest.raises(InputError, match="no such lamp"):
        pixels_of(Apart(broken=True), who, values, at_once=4)
    assert all(process.returncode is not None for process in begun)


def test_a_process_that_ends_is_told(asked, monkeypatch):
    who, values, _ = asked
    monkeypatch.setattr(processes, "START", "import sys; sys.exit(3)")
    with pytest.raises(InputError, match="ended, with code 3"):
        pixels_of(Apart(), who, values, at_once=4)


def test_little_is_rendered_here(asked, monkeypatch):
    who, values, begun = asked
    monkeypatch.setattr(processes, "WORTH_IT", 60.0)
    pixels_of(Apart(), who, values, at_once=4)
    assert not begun
