"""What shape is the orbit of a full circle? Its energy by frequency, and how round its leading circle is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.bootstrap import Ratio
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
        raise NotIdentifiable("the factor does not move the code at all")
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
