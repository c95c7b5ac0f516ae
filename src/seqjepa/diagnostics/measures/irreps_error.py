"""How much of a code's movement is no representation, and how much the square pixel grid mixes its irreps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.fourier import OrbitFourier
from seqjepa.diagnostics.measures.irreps import Irreps
from seqjepa.types import NotIdentifiable

GRID = 4  # a square grid keeps quarter turns: it cannot tell k from k ± 4
RESOLVED, FALLS = 1.96, 3.0  # standard errors


@dataclass(frozen=True)
class PredictionErrors:
    """What z(g_{θ+δ} x) = ρ(δ) z(g_θ x) leaves of held-out orbits' signal, each a share of the signal that moves.

    Attributes:
        total: half of the mean squared error over all θ and δ; 1 for ρ = 1 (the code stays), 0 for a representation.
        content: the part of it that is content within the planes that turn.
        pixel_grid: movement that turns at k ± 4, k ± 8, … within the irreps of frequency k.
        elsewhere: the same at all other frequencies, scaled to as many pairs of frequencies.
        energy: for each frequency from 1 on that is looked for its share of the signal that moves.
        noise: the noise's variance over the signal's; 0 where no floor of white noise is seen.
    """

    total: Ratio
    content: Ratio
    pixel_grid: Ratio
    elsewhere: Ratio
    energy: tuple[Ratio, ...]
    noise: Ratio


def prediction_errors(irreps: Irreps, held_out: OrbitFourier) -> PredictionErrors:
    """The errors of a fitted representation on identities that it was not fitted on.

    With ρ(δ) = Σ_k exp(ikδ) Π_k the mean squared error over start and step is, by Parseval, exactly
    Σ_j (‖c_j − Π_j c_j‖² + Σ_{k≠j} ‖Π_k c_j‖²), with j over all frequencies and k over those of ρ, 0 included. Halved:
    energy that lies where it does not belong counts once. The same of the noise is taken away, if the energy at the
    highest frequencies is noise: white along the circle. Where it is not the same there it belongs to the movement, and
    nothing is taken away.

    Raises:
        NotIdentifiable: the factor moves the code no more than noise does.
    """
    c, top = held_out.values, held_out.noise_from
    count = c.shape[2]
    both = torch.cat([c, c[:, :, 1:].conj()], 2)  # 0 … K, −1 … −K
    of = [*range(count), *range(-1, -count, -1)]
    noisy = torch.tensor([abs(j) >= top for j in of])
    energy = both.abs().square().sum(-1).mean(1)  # (I, 2K + 1)
    white = _is_white(energy[:, :count], top)
    noise = energy[:, noisy].mean(1) * white
    moves = torch.tensor([j != 0 for j in of])
    signal = (energy[:, moves] - noise[:, None]).sum(1)
    if float(signal.mean()) <= RESOLVED * float(signal.std()) / len(signal) ** 0.5:
        raise NotIdentifiable("the factor moves the representation no more than noise does")

    present = sorted({int(k) for k in irreps.frequency})
    projectors = {0: irreps.still().to(c.dtype)}
    for k in present:
        projectors |= {k: irreps.projector(k), -k: irreps.projector(k).conj()}
    own = {j: energy[:, i] for i, j in enumerate(of)}  # ‖c_j − Π_j c_j‖²; all of c_j where there is no Π_j
    own_noise = dict.fromkeys(of, noise)
    wrong, content = torch.zeros_like(noise), torch.zeros_like(noise)
    on_grid, off_grid, pairs_on, pairs_off = torch.zeros_like(noise), torch.zeros_like(noise), 0, 0
    for k, projector in projectors.items():
        inside = both @ projector.T
        let_in = inside.abs().square().sum(-1).mean(1)
        missed = (both - inside).abs().square().sum(-1).mean(1)
        own[k], own_noise[k] = missed[:, of.index(k)], missed[:, noisy].mean(1) * white
        beyond = let_in - let_in[:, noisy].mean(1)[:, None] * white
        for i, j in enumerate(of):
            if j == k:
                continue
            wrong = wrong + beyond[:, i]
            if j == 0:
                content = content + beyond[:, i]
            elif (j - k) % GRID == 0:
                on_grid, pairs_on = on_grid + beyond[:, i], pairs_on + 1
            else:
                off_grid, pairs_off = off_grid + beyond[:, i], pairs_off + 1
    error = sum((own[j] - own_noise[j] for j in of), wrong) / 2
    content = (content + own[0] - own_noise[0]) / 2
    return PredictionErrors(
        Ratio(error, signal),
        Ratio(content, signal),
        Ratio(on_grid, signal),
        Ratio(off_grid * pairs_on / max(1, pairs_off), signal),
        tuple(Ratio(2 * (energy[:, k] - noise), signal) for k in held_out.candidates),
        Ratio(noise * int(moves.sum()), signal),
    )


def _is_white(energy: Float[Tensor, "I K1"], top: int) -> bool:
    """Whether the highest frequencies hold the same energy, as noise does (all pairs' paired t within ±3)."""
    highest = energy[:, min(top, energy.shape[1] - 2) :]
    differ = highest[:, :, None] - highest[:, None, :]
    return bool((differ.mean(0).abs() <= FALLS * differ.std(0) / len(energy) ** 0.5).all())
