"""Representations whose answers are known, each draw with new contents and new noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from seqjepa.diagnostics.distinct import of_identities
from seqjepa.factors import affine_factors
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.containers import Predictions, ProbeSet
from seqjepa.types import Factor, Pose

I, P, G, J = 64, 1, 25, 10  # noqa: E741 (identities, base poses, grid, joint views)
CONTENT, RADIUS, CIRCLES, NOISE = 8, 3.0, 8, 0.3
DIM1 = CONTENT + 2
ROTATION = affine_factors(rotation=(-180, 180))
PLANE = affine_factors(translate_x=(-7, 7), translate_y=(-7, 7))
POSE = affine_factors(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
RIGID = affine_factors(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7))
WIDE, WIDE_CONTENT = 512, 200
FALL, FALLING = 0.8, 12  # each direction's size beside the one before it, and how many there are
LABELLED = 400  # images of a class probe
LOUD, LOUDNESS = 6, 3.7  # directions of noise, and its size: together 20 times the rotation's variance
Make = Callable[[int, int], Sweeps]  # of a seed and a number of identities


def gaussian(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(shape: tuple[int, ...] | torch.Size, random: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=random, dtype=torch.float64)


def additive(seed: int, identities: int = I) -> Sweeps:
    """S1: content, a circle of radius 3, and noise."""
    noise = torch.Generator().manual_seed(seed + 10**6)
    swept = _circle(seed, identities, lambda who, shape: NOISE * drawn(shape, noise))
    right = RADIUS / 2 * drawn((identities, P, 4, DIM1), noise)
    return replace(swept, predictions={"rotation": predictions(swept, right, noise)}, probe=classes(seed, identities))


def circle(seed: int, identities: int = I) -> Sweeps:
    """S1 without predictions and classes."""
    noise = torch.Generator().manual_seed(seed + 10**6)
    return _circle(seed, identities, lambda who, shape: NOISE * drawn(shape, noise))


def _circle(
    seed: int,
    identities: int,
    noise: Callable[[Tensor, tuple[int, ...]], Tensor],
    radius: Tensor | float = RADIUS,
    offset: float = 0.0,
) -> Sweeps:
    """Content, a circle, and noise of one's own."""
    content = gaussian((identities, CONTENT), seed)
    radii = torch.as_tensor(radius, dtype=torch.float64).expand(identities)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        circle = radii[who, None] * torch.cat([pose[:, :1].sin(), pose[:, :1].cos()], 1)
        clean = torch.cat([content[who], circle], 1) + offset
        return clean + noise(who, tuple(clean.shape))

    labels = torch.arange(identities) % 4
    return Sweeps.from_function(f, ROTATION, identities, labels, steps=G, base_poses=P, joint=J, seed=seed)


def predictions(swept: Sweeps, error: Tensor, random: torch.Generator) -> Predictions:
    """The right codes, with an error."""
    z = swept.values["rotation"]
    order = torch.rand(*error.shape[:3], G, generator=random).argsort(-1)
    right = z.gather(2, order[..., 1, None].expand(-1, -1, -1, z.shape[-1]))
    return Predictions(right + error, order[..., 0].contiguous(), order[..., 1].contiguous())


def classes(seed: int, identities: int) -> ProbeSet:
    """Three classes, an apart each, in unit noise; more images to test on for more identities."""
    random = torch.Generator().manual_seed(seed + 10**7)
    test = LABELLED if identities <= I else 10 * LABELLED
    labels = [torch.randint(3, (count,), generator=random) for count in (LABELLED, test)]
    codes = [
        torch.nn.functional.one_hot(of, DIM1).double()[:, None] * 1.5 + drawn((len(of), 2, DIM1), random)
        for of in labels
    ]
    values = [torch.zeros(len(of), 2, 1, dtype=torch.float64) for of in labels]
    return ProbeSet(codes[0], values[0], labels[0], codes[1], values[1], labels[1])


def offset(seed: int, identities: int = I) -> Sweeps:
    """S1 at an offset of 10⁸ in every dimension (S16)."""
    noise = torch.Generator().manual_seed(seed + 10**6)
    return _circle(seed, identities, lambda who, shape: NOISE * drawn(shape, noise), offset=1e8)


def twice(seed: int, identities: int = I) -> Sweeps:
    """S1 with every identity drawn twice: as many intervals as half of them are worth (S16)."""
    return of_identities(circle(seed, identities // 2), torch.arange(identities) // 2)


def heavy_tailed(seed: int, identities: int = I) -> Sweeps:
    """S1 with noise of Student's t with five degrees of freedom, for a whole code at once; of variance NOISE².

    With four or fewer the squares that nearly all estimates are made of have no variance: what of them lies beyond a
    sample's largest no interval can know.
    """
    random = torch.Generator().manual_seed(seed + 10**6)

    def noise(who: Tensor, shape: tuple[int, ...]) -> Tensor:
        chi = drawn((shape[0], 5), random).square().mean(1, keepdim=True)
        return NOISE * 0.6**0.5 * drawn(shape, random) / chi.sqrt()

    return _circle(seed, identities, noise)


def own_amounts(seed: int, identities: int = I) -> Sweeps:
    """S1 with noise of each identity's own size, a third to three times the usual: log-normal; of variance NOISE²."""
    return _own_amounts(seed, identities, 0.5)


def far_apart_amounts(seed: int, identities: int = I) -> Sweeps:
    """The same, a seventh to seven times the usual: the loudest few hold nearly all the noise."""
    return _own_amounts(seed, identities, 1.0)


def _own_amounts(seed: int, identities: int, spread: float) -> Sweeps:
    random = torch.Generator().manual_seed(seed + 10**6)
    sizes = NOISE * (spread * gaussian((identities, 1), seed + 2 * 10**6) - spread**2).exp()
    return _circle(seed, identities, lambda who, shape: sizes[who] * drawn(shape, random))


def unequal_circles(seed: int, identities: int = I) -> Sweeps:
    """S1 with circles of radius 1 or 2, by chance."""
    return _drawn_circles(seed, identities, (1.0, 2.0))


def half_still(seed: int, identities: int = I) -> Sweeps:
    """S17: each identity moves on a circle of radius 3 or stands still, by chance."""
    return _drawn_circles(seed, identities, (0.0, RADIUS))


def _drawn_circles(seed: int, identities: int, radii: tuple[float, float]) -> Sweeps:
    noise = torch.Generator().manual_seed(seed + 10**6)
    which = torch.randint(2, (identities,), generator=torch.Generator().manual_seed(seed + 2 * 10**6))
    return _circle(seed, identities, lambda who, shape: NOISE * drawn(shape, noise), torch.tensor(radii)[which])


def separate(seed: int, identities: int = I) -> Sweeps:
    """S1 again: content, x and y in a direction each, and noise."""
    content, noise = gaussian((identities, CONTENT), seed), torch.Generator().manual_seed(seed + 10**6)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        clean = torch.cat([content[who], pose[:, 1:3] / 2], 1)
        return clean + NOISE * drawn(clean.shape, noise)

    labels = torch.arange(identities) % 4
    return Sweeps.from_function(f, PLANE, identities, labels, steps=G, base_poses=P, joint=J, seed=seed)


def half_shared(seed: int, identities: int = I) -> Sweeps:
    """S15: x and y move in four directions each, of which two are the same, in 16 dimensions."""
    content, noise = gaussian((identities, CONTENT), seed), torch.Generator().manual_seed(seed + 10**6)

    def waves(value: Tensor) -> Tensor:
        turn = value * math.pi / 7
        return RADIUS / 2 * torch.stack([turn.sin(), turn.cos(), (2 * turn).sin(), (2 * turn).cos()], 1)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        x, y = waves(pose[:, 1]), waves(pose[:, 2])
        still = torch.zeros(len(who), 2, dtype=torch.float64)
        clean = torch.cat([content[who], x[:, :2], x[:, 2:] + y[:, 2:], y[:, :2], still], 1)
        return clean + NOISE * drawn(clean.shape, noise)

    return Sweeps.from_function(f, PLANE, identities, steps=G, base_poses=P, joint=J, seed=seed)


def pose_code(seed: int, identities: int = I) -> Sweeps:
    """S13: [cos θ, sin θ, x, y, log s, content] with noise, around random base poses."""
    return _pose_code(seed, identities, 0.0)


def pose_in_noise(seed: int, identities: int = I) -> Sweeps:
    """S14: the same beside independent noise in six loud directions."""
    return _pose_code(seed, identities, LOUDNESS)


def _pose_code(seed: int, identities: int, loud: float) -> Sweeps:
    content, noise = gaussian((identities, CONTENT), seed), torch.Generator().manual_seed(seed + 10**6)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        angle = RADIUS * torch.stack([pose[:, 0].cos(), pose[:, 0].sin()], 1)
        clean = torch.cat([content[who], angle, pose[:, 1:3] / 2, 8 * pose[:, 3:]], 1)
        found = clean + NOISE * drawn(clean.shape, noise)
        return torch.cat([found, loud * drawn((len(who), LOUD), noise)], 1) if loud else found

    labels = torch.arange(identities) % 4
    return Sweeps.from_function(f, POSE, identities, labels, steps=13, base_poses=2, joint=J, seed=seed)


def wide(seed: int, identities: int = I) -> Sweeps:
    """S13 among 512 dimensions: 200 of content, the pose, and noise in all of them, turned at random."""
    random = torch.Generator().manual_seed(seed + 10**6)
    content, turn = gaussian((identities, WIDE_CONTENT), seed), torch.linalg.qr(gaussian((WIDE, WIDE), seed + 1)).Q

    def f(who: Tensor, pose: Tensor) -> Tensor:
        angle = RADIUS * torch.stack([pose[:, 0].cos(), pose[:, 0].sin()], 1)
        clean = torch.cat([content[who], angle, pose[:, 1:3] / 2], 1)
        clean = torch.nn.functional.pad(clean, (0, WIDE - clean.shape[1]))
        return (clean + NOISE * drawn(clean.shape, random)) @ turn

    return Sweeps.from_function(f, RIGID, identities, steps=13, base_poses=2, joint=J, seed=seed)


def falling(seed: int, identities: int = I) -> Sweeps:
    """A line in twelve directions of falling size, in each an amount of every identity's own, and noise in twenty."""
    random, sizes = torch.Generator().manual_seed(seed + 10**6), FALL ** torch.arange(FALLING, dtype=torch.float64)
    moved, turn = sizes * gaussian((identities, FALLING), seed), torch.linalg.qr(gaussian((20, 20), seed + 1)).Q

    def f(who: Tensor, value: Tensor) -> Tensor:
        clean = torch.nn.functional.pad(moved[who] * value, (0, 20 - FALLING))
        return (clean + NOISE * drawn(clean.shape, random)) @ turn

    return Sweeps.from_function(f, [Factor("x", -1, 1)], identities, steps=13, base_poses=2, joint=J, seed=seed)


def multiplicative(seed: int, identities: int = I) -> Sweeps:
    """S2: eight blocks e^{iωθ}·content, ω in {1, 2}, and content that stands still."""
    turned, still = gaussian((identities, CIRCLES, 2), seed), gaussian((identities, CONTENT), seed + 10**6)
    frequencies = torch.arange(CIRCLES) % 2 + 1

    def f(who: Tensor, pose: Tensor) -> Tensor:
        blocks = torch.view_as_complex(turned[who]) * torch.exp(1j * frequencies * pose[:, :1])
        return torch.cat([torch.view_as_real(blocks).flatten(1), still[who]], 1)

    return Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)


def noisy_multiplicative(seed: int, identities: int = I) -> Sweeps:
    """S2 with two blocks, content that stands still and noise, so that operators and frequencies are not exact."""
    turned, noise = gaussian((identities, 2, 2), seed), torch.Generator().manual_seed(seed + 10**6)
    still = gaussian((identities, 4), seed + 2 * 10**6)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        blocks = torch.view_as_complex(turned[who]) * torch.exp(1j * torch.tensor([1, 2]) * pose[:, :1])
        clean = torch.cat([torch.view_as_real(blocks).flatten(1), still[who]], 1)
        return clean + NOISE / 3 * drawn(clean.shape, noise)

    return Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)


def key_points(seed: int, identities: int = I) -> Sweeps:
    """S8 with noise: four key points of each identity under the whole pose."""
    points, noise = gaussian((identities, 4, 2, 1), seed), torch.Generator().manual_seed(seed + 10**6)
    factors = affine_factors(rotation=(-180, 180), translate_x=(-2, 2), translate_y=(-2, 2))

    def f(who: Tensor, pose: Tensor) -> Tensor:
        moved = Pose(pose)
        clean = ((moved.linear()[:, None] @ points[who])[..., 0] + moved.translation[:, None]).flatten(1)
        return clean + NOISE / 3 * drawn(clean.shape, noise)

    return Sweeps.from_function(f, factors, identities, steps=G, base_poses=2, joint=0, seed=seed)


def invariant(seed: int, identities: int = I) -> Sweeps:
    """S3: content with a thousandth of noise."""
    content, noise = gaussian((identities, CONTENT), seed), torch.Generator().manual_seed(seed + 10**6)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        return content[who] + 1e-3 * drawn((len(who), CONTENT), noise)

    return Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)


def noise(seed: int, identities: int = I) -> Sweeps:
    """S4: nothing but noise."""
    random = torch.Generator().manual_seed(seed)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        return drawn((len(who), CONTENT), random)

    return Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)
