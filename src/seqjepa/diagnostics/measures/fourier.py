"""Fourier coefficients of orbits over a full circle, in their leading components."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from seqjepa.diagnostics.measures.spans import principal_components
from seqjepa.types import NotIdentifiable

DIMENSIONS = 128  # leading components in which irreps are looked for
FEWEST_VALUES = 9  # on the circle: frequencies 1 to 3, and 4 for the noise


@dataclass(frozen=True)
class OrbitFourier:
    """Fourier coefficients c_k = Σ_g z_g exp(−2πi k g / G) / G of orbits over a full circle, in leading components.

    Attributes:
        values: (I, P, K + 1, E) for k = 0 … K; those of −k are their conjugates. The mean over all is taken from c_0.
        noise_from: the first of the highest frequencies, whose energy is taken for noise: white along the circle.
        held: share of the variance that the components hold, of what moves and of what does not, the lesser of both.
    """

    values: Complex[Tensor, "I P K1 E"]
    noise_from: int
    held: float

    @property
    def candidates(self) -> range:
        """The frequencies that are looked for."""
        return range(1, self.noise_from)

    @property
    def orbits(self) -> int:
        """How many there are, I · P."""
        return self.values.shape[0] * self.values.shape[1]

    def most_directions(self, frequency: int) -> int:
        """Of how many directions so many orbits can tell at one frequency: all others are arbitrary."""
        return min(self.values.shape[-1], self.orbits - (frequency == 0))  # the mean over all is taken from c_0

    @property
    def noise_samples(self) -> int:
        """From how many real vectors the noise is known."""
        return 2 * self.orbits * (self.values.shape[2] - self.noise_from)

    def part(self, chosen: Bool[Tensor, " I"]) -> OrbitFourier:
        """Of some of the identities."""
        return OrbitFourier(self.values[chosen], self.noise_from, self.held)

    def covariance(self, frequency: int) -> Complex[Tensor, "E E"]:
        """E[c cᴴ] of one frequency; of 0 real."""
        return _second_moment(self.values[:, :, frequency])

    def noise(self) -> Complex[Tensor, "E E"]:
        """The noise's in every coefficient: the mean over the highest frequencies. Real, since noise has no phase."""
        return _second_moment(self.values[:, :, self.noise_from :]).real.to(self.values.dtype)


def orbit_fourier(sweep: Float[Tensor, "I P G D"], train: Bool[Tensor, " I"]) -> OrbitFourier:
    """Fourier coefficients up to (G − 1)/2; higher frequencies fold onto these unseen.

    Args:
        sweep: over an evenly cut full circle, without its repeated end.
        train: the identities whose leading components are taken; movement and content count the same in them.

    Raises:
        NotIdentifiable: fewer than nine values, or orbits that are points.
    """
    steps = sweep.shape[2]
    if steps < FEWEST_VALUES:
        raise NotIdentifiable(f"{steps} values on the circle; {FEWEST_VALUES} are the least to tell irreps from noise")
    highest = (steps - 1) // 2
    noise_from = highest + 1 - max(1, highest // 4)
    mean = sweep[train].double().mean((0, 1, 2))
    components, held = _components(sweep[train], mean)
    parts = [torch.fft.fft((part.double() - mean) @ components, dim=2)[:, :, : highest + 1] for part in sweep.split(16)]
    return OrbitFourier(torch.cat(parts) / steps, noise_from, held)


def _components(z: Float[Tensor, "I P G D"], mean: Float[Tensor, " D"]) -> tuple[Float[Tensor, "D E"], float]:
    dim = z.shape[-1]
    centred = [part.double() - mean for part in z.split(16)]
    still = [z.shape[2] ** 0.5 * part.mean(2).flatten(0, 1) for part in centred]
    moving = [(part - part.mean(2, keepdim=True)).flatten(0, 2) for part in centred]
    loud = [sum(float(part.square().sum()) for part in parts) for parts in (moving, still)]
    if loud[0] <= 1e-20 * sum(float(part.double().square().sum()) for part in z.split(16)):  # rounding
        raise NotIdentifiable("the factor does not move the representation at all")
    if dim <= DIMENSIONS:
        return torch.eye(dim, dtype=torch.float64), 1.0
    both = [[part / max(size, 1e-300) ** 0.5 for part in of] for of, size in zip((moving, still), loud, strict=True)]
    components = principal_components([*both[0], *both[1]], DIMENSIONS)[1].flip(1)
    held = [sum(float((part @ components).square().sum()) for part in parts) for parts in both]
    return components, min(held) if loud[1] > 0 else held[0]


def _second_moment(c: Complex[Tensor, "*some E"]) -> Complex[Tensor, "E E"]:
    flat = c.reshape(-1, c.shape[-1])
    return flat.T @ flat.conj() / len(flat)
