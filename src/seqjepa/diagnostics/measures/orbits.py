"""What shape is an orbit? Its energy by frequency, how round its leading circle is, how much of it all images share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.neighbours import negligible
from seqjepa.diagnostics.measures.spans import scatter_of
from seqjepa.diagnostics.measures.subspaces import centre_orbits
from seqjepa.diagnostics.measures.variance import NULL_DRAWS, gamma_draws
from seqjepa.rng import derive_seed, generator
from seqjepa.types import NotIdentifiable


@dataclass(frozen=True)
class OrbitSpectrum:
    """The discrete Fourier spectrum of orbits over a full circle.

    Attributes:
        energy: for each frequency 1 … G/2 the share of the orbits' energy in it.
        leading: the frequency with most.
        null: (N,) the leading share where each orbit's grid is permuted by itself.
        aspect: minor over major axis of the ellipse at the leading frequency, each identity's weighted by its energy;
            1 for a circle, 0 for a line.
    """

    energy: tuple[Ratio, ...]
    leading: int
    aspect: Ratio
    null: Float[Tensor, " N"]


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
    if negligible(float(total.mean()), sweep):
        raise NotIdentifiable("the factor does not move the representation at all")
    leading = int(energy.sum(0).argmax())
    circle = coefficients[:, :, leading]
    axes = torch.linalg.svdvals(torch.stack([circle.real, circle.imag], -1))
    axes = F.pad(axes, (0, 2 - axes.shape[-1]))  # of one dimension, an orbit that goes to and fro
    weight = axes.square().sum(-1)
    aspect = axes[..., 1] / axes[..., 0].clamp(min=1e-300)
    return OrbitSpectrum(
        tuple(Ratio(part, total) for part in energy.unbind(1)),
        leading + 1,
        Ratio((aspect * weight).mean(1), weight.mean(1)),
        _leading_by_chance(sweep, twice),
    )


def _leading_by_chance(sweep: Float[Tensor, "I P G D"], twice: Float[Tensor, " F"]) -> Float[Tensor, " N"]:
    """The largest share of all frequencies where each orbit's grid is permuted by itself.

    A permuted orbit's energy at a frequency is a weighted sum of chi-squares, a pair for each of its principal
    components; over many orbits as good as a gamma variable of the same mean and variance.
    """
    mean = square = 0.0
    for part in sweep.split(16):
        orbits = centre_orbits(part).flatten(0, 1)
        mean = mean + float(orbits.square().sum())
        square = square + float((orbits @ orbits.mT).square().sum())
    shape = mean**2 / square * twice / 2
    random = np.random.default_rng(derive_seed("leading frequency", len(twice)))
    energy = torch.from_numpy(random.standard_gamma(shape.numpy(), (NULL_DRAWS, len(twice))))
    return (energy / energy.sum(1, keepdim=True)).max(1).values


@dataclass(frozen=True)
class OrbitShare:
    """How much of the orbits is one orbit that all share.

    Attributes:
        share: of the judged identities.
        null: (N,) the share where each orbit's grid is permuted by itself.
    """

    share: Ratio
    null: Float[Tensor, " N"]


def orbit_share(sweep: Float[Tensor, "I P G D"], train: Bool[Tensor, " I"]) -> OrbitShare:
    """The share of the orbits' energy that the mean orbit of other identities explains: 1 - Σ‖o - m‖² / Σ‖o‖².

    Orbits o are centred each by itself. 1 when every image goes the same way round; 0 when knowing the others' way says
    nothing, and a little less by the noise of their mean, as its null is.

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
    if negligible(float(energy.mean()) / sweep[0, ..., 0].numel(), sweep):
        raise NotIdentifiable("the factor does not move the representation at all")
    return OrbitShare(Ratio(energy - left, energy), _shared_by_chance(sweep, train) / float(energy.sum()))


def _shared_by_chance(sweep: Float[Tensor, "I P G D"], train: Bool[Tensor, " I"]) -> Float[Tensor, " N"]:
    """Σ‖o‖² - Σ‖o - m‖² = 2 ⟨Σ o, m⟩ - N ‖m‖² where each orbit's grid is permuted by itself.

    The product is then normal about 0, the square a gamma variable, with the moments that permutations give them.
    """
    fitted, judged = (
        scatter_of([centre_orbits(part).flatten(0, 2) for part in sweep[which].split(16)]) for which in (train, ~train)
    )
    both = fitted.between(judged.span)
    of, degrees = int(train.sum()) * sweep.shape[1], sweep.shape[2] - 1
    # In ⟨Σ o, m⟩ = Σ_ij ⟨o_i, o_j⟩ / n a permutation gives each product the variance tr(S_i S_j) / (G - 1).
    spread = (float((both * judged.inside).sum()) / degrees) ** 0.5 / of
    mean = fitted.trace() / of**2
    square = gamma_draws(mean, 2 * float(fitted.inside.square().sum()) / of**4 / degrees)
    random = generator("orbit share", of)
    product = spread * torch.randn(len(square), generator=random, dtype=torch.float64)
    return 2 * product - int((~train).sum()) * sweep.shape[1] * square[torch.randperm(len(square), generator=random)]


def intrinsic_bound(angles: Float[Tensor, " I"], grid: Float[Tensor, " G"], train: Bool[Tensor, " I"]) -> Ratio:
    """``orbit_share`` of each image's true angle: what the images' own slants leave to be shared.

    Args:
        angles: each image's own angle [rad], measured without the encoder.
        grid: of the sweep [rad].
        train: the identities whose mean orbit is taken; the others are judged.
    """
    turn = angles.double()[:, None] + grid.double()
    return orbit_share(torch.stack([turn.cos(), turn.sin()], -1)[:, None], train).share
