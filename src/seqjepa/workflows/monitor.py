"""A light diagnosis inside training: how each factor's subspace forms, and how steady it is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor, nn
from torch.linalg import LinAlgError  # pyright: ignore[reportAttributeAccessIssue]

from seqjepa.diagnostics import factor_subspace, sensitivity, subspace_overlap
from seqjepa.diagnostics.context import split_identities
from seqjepa.diagnostics.measures.subspaces import FactorSubspace
from seqjepa.diagnostics.swept import grid_kernel
from seqjepa.extraction import represent
from seqjepa.io.files import make_folder, write_atomic
from seqjepa.io.tensors import read_safetensors
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.design import neutral_index
from seqjepa.training.callbacks import EpochEnd
from seqjepa.training.scene_views import SceneViews
from seqjepa.types import Factor, InputError, NotIdentifiable

SEED_NAMES = {  # the seed run's names of EV@k, and k
    "rotation": ("subspace_ev_rot_2", 2),
    "translate_x": ("subspace_ev_x_1", 1),
    "translate_y": ("subspace_ev_y_1", 1),
    "scale": ("subspace_ev_scale_1", 1),
}
KEPT = 32  # leading directions and shares that are kept of each diagnosis
FOLDER = "subspaces"


@dataclass(frozen=True)
class SubspaceMonitor:
    """A callback for ``train``: EV@k under the seed run's names, dimension, sensitivity and stability of each factor.

    Stability is tr(PQ)/k, the similarity of the projectors on a factor's k leading directions (2 for a circle, else 1)
    in this diagnosis and the one before: 1 for the same, k/D by chance. Each diagnosis also leaves its leading
    directions and held-out shares in ``subspaces/`` of the run's folder; a resumed run goes on from there.

    Attributes:
        identities: held-out images that are moved (all, where there are fewer).
        steps, base_poses: see ``represent``.
    """

    identities: int = 64
    steps: int = 13
    base_poses: int = 2

    def __call__(self, state: EpochEnd) -> dict[str, float]:
        """Sweep the encoder over held-out images and diagnose it."""
        return self.estimates(self.sweeps(state), state.folder / FOLDER, state.epoch)

    def sweeps(self, state: EpochEnd) -> Sweeps:
        """The encoder's sweeps at poses fixed by the run's seed."""
        shown = state.held_out
        return represent(
            _Normalised(state.model.encoder, state.normalise),
            shown.scene if isinstance(shown, SceneViews) else shown,
            state.config.varying,
            min(self.identities, len(shown)),
            self.steps,
            self.base_poses,
            state.config.seed,
            None,
            joint=0,
            group_sweeps=False,
            border=state.config.factors.border,
            circular_mask=state.config.factors.circular_mask,
            device=shown.device if isinstance(shown, SceneViews) else shown.pixels.device,
            progress=False,
        )

    def estimates(self, sweeps: Sweeps, folder: Path, epoch: int) -> dict[str, float]:
        """The epoch's estimates; a factor that does not move the representation, or cannot be fitted, has none."""
        fit = ~split_identities(sweeps.identities, 0)[2]
        found: dict[str, FactorSubspace] = {}
        row: dict[str, float] = {}
        before = _before(folder, epoch)
        for factor in (axis for of in sweeps.factors for axis in of.axes):
            codes, name = sweeps.values[factor.name], factor.name
            try:
                subspace = factor_subspace(codes, fit, grid_kernel(sweeps, name))
            except (NotIdentifiable, LinAlgError):
                continue
            found[name] = subspace
            logged, k = SEED_NAMES.get(name, (f"subspace_ev_{name}", 1 if factor.period is None else 2))
            if subspace.dim:  # of noise alone a share says nothing
                row[logged] = float(subspace.held_out[:k].sum())
            row[f"dimension_{name}"] = float(subspace.dim)
            row |= _sensitivity(factor, codes, sweeps.grids[name])
            if name in before and before[name].shape[0] == len(subspace.basis):
                row[f"stability_{name}"] = subspace_overlap(subspace.directions(k), before[name][:, :k])
        _write(folder, epoch, found)
        return row


class _Normalised(nn.Module):
    def __init__(self, encoder: nn.Module, normalise) -> None:
        super().__init__()
        self.encoder = encoder
        self.normalise = normalise

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        return self.encoder(self.normalise(images).to(next(self.encoder.parameters(), images).dtype))


def _sensitivity(factor: Factor, codes: Float[Tensor, "I P G D"], grid: Float[Tensor, " G"]) -> dict[str, float]:
    identity = neutral_index(factor, grid)
    return {} if identity is None else {f"sensitivity_{factor.name}": sensitivity(codes, identity).value}


def _path(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch:05d}.safetensors"


def _before(folder: Path, epoch: int) -> Mapping[str, Float[Tensor, "D K"]]:
    """Each factor's leading directions in the newest diagnosis of an earlier epoch; none of a damaged one."""
    earlier = [path for path in sorted(folder.glob("epoch-*.safetensors")) if path < _path(folder, epoch)]
    if not earlier:
        return {}
    try:
        kept, _ = read_safetensors(earlier[-1])
    except InputError as error:
        warnings.warn(f"{error}; how steady the subspaces are is left out of epoch {epoch}", stacklevel=2)
        return {}
    found = {name.removeprefix("basis/"): tensor for name, tensor in kept.items() if name.startswith("basis/")}
    return {name: basis.double() for name, basis in found.items() if basis.ndim == 2 and basis.is_floating_point()}


def _write(folder: Path, epoch: int, found: Mapping[str, FactorSubspace]) -> None:
    make_folder(folder)
    kept = {f"basis/{name}": s.directions(min(KEPT, len(s.basis))).contiguous() for name, s in found.items()}
    kept |= {f"held_out/{name}": s.held_out[:KEPT].contiguous() for name, s in found.items()}
    write_atomic(_path(folder, epoch), save(kept))
