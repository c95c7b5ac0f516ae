"""What shape is an orbit? Its energy by frequency, how round its leading circle is, how much of it all images share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.subspaces import centre_orbits
from seqjepa.types import NotIdentifiable


@dataclass(frozen=True)
class OrbitSpectrum:
    """The discrete Fourier spectrum of orbits over a full circle.

    Attributes:
        energy: for each frequency 1 … G/2 the share of the orbits' energy in it.
        leading: the frequency with most.
        aspect: minor over major axis of the ellipse at the leading frequency, each identity's weighted by its energy;
            1 for a circle, 0 for a line.
    """

    energy: tuple[Ratio, ...]
    leading: int
    aspect: Ratio


def orbit_spectrum(sweep: Float[Tensor, "I P G D"]) -> OrbitSpectrum:
    """The spectrum of orbits over an evenly cut full circle. Without the mean: frequency 0 is where the image is.

    Raises:
        NotIdentifiable: fewer than five grid values, or orbits that are points.
    """
    steps = sweep.shape[2]
    if steps < 5:
        raise NotIdentifiable(f"{steps} values on the circle; 5 are the least")
    coefficients = torch.fft.rfft(sweep.double(), dim=2)[:, :, 1:] / steps
    # A real orbit has every frequency twice, but the highest of an even number of steps.
    twice = torch.full((coefficients.shape[2],), 2.0, dtype=torch.float64)
    if steps % 2 == 0:
        twice[-1] = 1.0
    energy = coefficients.abs().square().sum(-1).mean(1) * twice
    total = energy.sum(1)
    if total.sum() <= 0:
        raise NotIdentifiable("the factor does not move the representation at all")
    leading = int(energy.sum(0).argmax())
    circle = coefficients[:, :, leading]
    axes = torch.linalg.svdvals(torch.stack([circle.real, circle.imag], -1))
    weight = axes.square().sum(-1)
    aspect = axes[..., 1] / axes[..., 0].clamp(min=1e-300)
    return OrbitSpectrum(
        tuple(Ratio(part, total) for part in energy.unbind(1)),
        leading + 1,
        Ratio((aspect * weight).mean(1), weight.mean(1)),
    )


def orbit_share(sweep: Float[Tensor, "I P G D"], train: Bool[Tensor, " I"]) -> Ratio:
    """The share of the orbits' energy that the mean orbit of other identities explains: 1 - Σ‖o - m‖² / Σ‖o‖².

    Orbits o are centred each by itself. 1 when every image goes the same way round; 0 when knowing the others' way says
    nothing, and a little less by the noise of their mean.

    Args:
        train: the identities whose mean orbit m is taken; the others are judged.

    Raises:
        NotIdentifiable: orbits that are points.
    """
    mean = torch.stack([centre_orbits(part).mean((0, 1)) * len(part) for part in sweep[train].split(16)]).sum(0)
    mean = mean / train.sum()
    orbits = [centre_orbits(part) for part in sweep[~train].split(16)]
    energy = torch.cat([o.square().sum((1, 2, 3)) for o in orbits])
    left = torch.cat([(o - mean).square().sum((1, 2, 3)) for o in orbits])
    if energy.sum() <= 0:
        raise NotIdentifiable("the factor does not move the representation at all")
    return Ratio(energy - left, energy)


def intrinsic_bound(angles: Float[Tensor, " I"], grid: Float[Tensor, " G"], train: Bool[Tensor, " I"]) -> Ratio:
    """``orbit_share`` of each image's true angle: what the images' own slants leave to be shared.

    Args:
        angles: each image's own angle [rad], measured without the encoder.
        grid: of the sweep [rad].
        train: the identities whose mean orbit is taken; the others are judged.
    """
    turn = angles.double()[:, None] + grid.double()
    return orbit_share(torch.stack([turn.cos(), turn.sin()], -1)[:, None], train)
