"""Scenes that several processes render: the same images in the same order, and what fails is told."""

import os

import pytest
import torch

from seqjepa.factors import processes
from seqjepa.factors.scenes import ChosenIdentities, pixels_of
from seqjepa.types import Factor, InputError


class Apart:
    """Small images that say which identity and value they are of; of module level, so that other processes find it."""

    factors = (Factor("glow", 0, 1),)
    several_processes = True

    def __init__(self, broken=None):
        self.broken, self.here = broken, os.getpid()

    def __len__(self):
        return 9

    def render(self, identities, values):
        if self.broken and (identities == 7).any():
            if self.broken == "ends":
                os._exit(3)
            raise ValueError(self.broken)
        print("a renderer's own words")
        away = torch.full((len(identities),), float(os.getpid() != self.here))
        image = torch.stack([identities.float() / 9, values[:, 0].float(), away], 1)
        return image[:, :, None, None].expand(-1, -1, 2, 2)


@pytest.fixture
def asked(monkeypatch):
    """Identities and values, where two processes are worth it."""
    monkeypatch.setattr(processes, "WORTH_IT", -1.0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    return torch.arange(9).repeat_interleave(3), torch.linspace(0, 1, 27, dtype=torch.float64)[:, None]


def rendered_away(pixels):
    return (pixels[:, 2] == 255).flatten(1).all(1)


def test_images_of_two_processes_are_those_of_one(asked):
    who, values = asked
    several = pixels_of(Apart(), who, values, at_once=4)
    assert rendered_away(several).tolist() == [False] * 4 + [True] * 23  # the first part is timed here
    scene = Apart()
    scene.several_processes = False
    alone = pixels_of(scene, who, values, at_once=4)
    assert not rendered_away(alone).any()
    assert torch.equal(several[:, :2], alone[:, :2])
    assert torch.equal(several[:, 0, 0, 0], (who / 9 * 255).round().byte())


def test_views_of_an_identity_are_asked_for_together_and_returned_in_their_order(monkeypatch):
    """Each time that an identity is asked for its shape is loaded, which takes longer than to look at it."""
    parts, ask = [], Apart.render
    monkeypatch.setattr(Apart, "render", lambda self, who, at: (parts.append(who.tolist()), ask(self, who, at))[1])
    random = torch.Generator().manual_seed(0)
    who = torch.randint(9, (40,), generator=random)
    values = torch.rand(40, 1, generator=random, dtype=torch.float64)
    found = pixels_of(Apart(), who, values, at_once=8)
    assert torch.equal(found[:, 0, 0, 0], (who / 9 * 255).round().byte())
    assert torch.equal(found[:, 1, 0, 0], (values[:, 0].float() * 255).round().byte())
    assert sum(len(set(part)) for part in parts) <= 9 + len(parts) - 1
    parts.clear()
    some = ChosenIdentities(Apart(), torch.tensor([4, 2]))
    pixels_of(some, torch.tensor([0, 1] * 8), values[:16], at_once=8)
    assert parts == [[4] * 8, [2] * 8]


@pytest.mark.parametrize(("broken", "said"), [("no such lamp", "no such lamp"), ("ends", "a process that rendered it")])
def test_what_a_process_cannot_render_is_told(asked, broken, said):
    with pytest.raises(InputError, match=said):
        pixels_of(Apart(broken), *asked, at_once=4)


def test_little_is_rendered_here(asked, monkeypatch):
    monkeypatch.setattr(processes, "WORTH_IT", 60.0)
    assert not rendered_away(pixels_of(Apart(), *asked, at_once=4)).any()
