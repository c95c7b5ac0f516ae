"""What the hypotheses about prediction are made of: an encoder, operators that move representations, and terms.

Terms are functions of ``Outputs`` and see no module; those that need one take it from ``MADE``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import seqjepa as sj
from seqjepa.model import Aggregation, AggregatorSpec
from seqjepa.model.aggregators import transformer
from seqjepa.model.encoders import convnet
from seqjepa.model.split.strided import strided_net
from seqjepa.types import Outputs

DIM, WIDTH, HIDDEN = 64, 16, 256
LARGE_DIM, LARGE_WIDTH = 256, 32
CHOSEN: list[str] = []  # operators of the runs that were made, the present one last
MADE: dict[str, nn.Module] = {}  # modules of the present run


class Encoder(nn.Module):
    """A small network and a linear layer behind it, so that a representation has signs.

    Args:
        kind: "mlp", two hidden layers on all pixels; "convnet", the package's small one, which takes the mean over
            places; or "strided", the split encoder's content network, which keeps them.
        side: pixels of an image's side.
    """

    def __init__(self, kind: str, side: int) -> None:
        super().__init__()
        if kind == "convnet":
            self.layers = nn.Sequential(convnet(1, WIDTH), nn.Linear(4 * WIDTH, DIM))
        elif kind == "strided":
            self.layers = strided_net(1, side, LARGE_WIDTH, LARGE_DIM)
        else:
            first = nn.Flatten(), nn.Linear(side**2, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU()
            second = nn.Linear(HIDDEN, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU()
            self.layers = nn.Sequential(*first, *second, nn.Linear(HIDDEN, DIM))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class Planes(nn.Module):
    """z turned in D / 2 planes, each by a learnt frequency times the angle: exp of a generator in normal form.

    Args:
        dim: D.
        still: planes whose frequency is 0 at first, so that nothing turns in them until one is learnt.
    """

    def __init__(self, dim: int, still: int = 0) -> None:
        super().__init__()
        turning = torch.linspace(0, 4, dim // 2 - still)
        self.frequencies = nn.Parameter(torch.cat([torch.zeros(still), turning]))

    def forward(self, z: Tensor, angle: Tensor) -> Tensor:
        """(…, D) and angles (…) to (…, D)."""
        turn = angle[..., None] * self.frequencies
        x, y = z.unflatten(-1, (-1, 2)).unbind(-1)
        return torch.stack([x * turn.cos() - y * turn.sin(), x * turn.sin() + y * turn.cos()], -1).flatten(-2)


class Mixture(nn.Module):
    """z times a matrix that is a mixture of learnt ones, by a small network of the angle's sine and cosine."""

    def __init__(self, dim: int, matrices: int = 8) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, matrices))
        self.matrices = nn.Linear(dim, matrices * dim, bias=False)

    def forward(self, z: Tensor, angle: Tensor) -> Tensor:
        """(…, D) and angles (…) to (…, D)."""
        shares = self.mix(torch.stack([angle.sin(), angle.cos()], -1))
        return z + (self.matrices(z).unflatten(-1, (-1, z.shape[-1])) * shares[..., None]).sum(-2)


class Moved(nn.Module):
    """z_agg: the mean of the observed views, each moved by the operator to where the last of them is."""

    def __init__(self, operator: nn.Module, dim: int) -> None:
        super().__init__()
        self.operator, self.dim = operator, dim

    def forward(self, tokens: Tensor) -> Tensor:
        z, angle = tokens[..., : self.dim], angles(tokens[..., self.dim :])
        to_last = angle.flip(1).cumsum(1).flip(1)  # the last view's own action is zero here
        return self.operator(z, to_last).mean(1)


class Onwards(nn.Module):
    """The predictor: z_agg moved once more, by the same operator."""

    def __init__(self, operator: nn.Module) -> None:
        super().__init__()
        self.operator = [operator]  # in a list it is no submodule: it is the aggregator's, and saved once

    def forward(self, z_agg: Tensor, action: Tensor) -> Tensor:
        return self.operator[0](z_agg, angles(action))


class PoseHead(nn.Module):
    """Sine and cosine of the angle between two views, from both their representations."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * dim, 128), nn.ReLU(), nn.Linear(128, 2))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.layers(torch.cat([first, second], -1))


class NoTeacher(nn.Module):
    """The encoder itself, with gradient."""

    def forward(self, encoder: nn.Module, images: Tensor) -> Tensor:
        return encoder(images)

    def update(self, encoder: nn.Module, decay: float) -> None:
        """Nothing to average."""


def angles(actions: Tensor) -> Tensor:
    """Radians of actions (…, A), whose first two columns are sine and cosine; 0 where both are."""
    return torch.atan2(actions[..., 0], actions[..., 1])


def half_still(dim: int) -> Planes:
    """Planes, of which half do not turn at first."""
    return Planes(dim, still=dim // 4)


OPERATORS = {"": None, "planes": Planes, "half still": half_still, "mixture": Mixture}


def aggregation(spec: AggregatorSpec) -> Aggregation:
    """The modules of the variant that is being made, which ``MADE`` keeps for its terms."""
    operator = OPERATORS[CHOSEN[-1]]
    if operator is None:
        made = transformer(spec)
    else:
        MADE["operator"] = operator(spec.code_dim)
        moved, onwards = Moved(MADE["operator"], spec.code_dim), Onwards(MADE["operator"])
        made = Aggregation(nn.Identity(), moved, onwards, spec.action_dim, spec.code_dim)
    made.aggregator.head = MADE["head"] = PoseHead(spec.code_dim)
    return made


@sj.term(weight=0.0)
def squared(outputs: Outputs) -> Tensor:
    """Mean square of prediction less target."""
    return (outputs.prediction - outputs.target).square().mean()


@sj.term(weight=0.0)
def unseen_views(outputs: Outputs) -> Tensor:
    """Mean square of each observed view less what the others, moved to it and averaged, predict."""
    assert outputs.actions is not None
    pose = F.pad(angles(outputs.actions[:, :-1]).cumsum(1), (1, 0))  # (B, S), of the first view 0
    z, count = outputs.z, outputs.z.shape[1]
    moved = MADE["operator"](z[:, None].expand(-1, count, -1, -1), pose[:, :, None] - pose[:, None])
    others = (moved.sum(2) - torch.diagonal(moved, dim1=1, dim2=2).transpose(1, 2)) / (count - 1)
    return (others - z).square().mean()


@sj.term(weight=0.0)
def across_poses(outputs: Outputs, temperature: float = 0.2) -> Tensor:
    """NT-Xent of the prediction and its target among targets of other images and other poses of the same image."""
    said, true, seen = (F.normalize(x, dim=-1) for x in (outputs.prediction, outputs.target, outputs.z))
    poses = torch.einsum("bd,bsd->bs", said, seen)
    near = torch.cat([said @ true.T, poses], 1) / temperature
    return F.cross_entropy(near, torch.arange(len(near), device=near.device))


@sj.term(weight=0.0)
def across_images(outputs: Outputs, temperature: float = 0.2) -> Tensor:
    """NT-Xent of the prediction and its target among targets of other images."""
    said, true = (F.normalize(x, dim=-1) for x in (outputs.prediction, outputs.target))
    return F.cross_entropy(said @ true.T / temperature, torch.arange(len(said), device=said.device))


@sj.term(weight=0.0)
def relative_pose(outputs: Outputs) -> Tensor:
    """Mean square of the head's sine and cosine less the action's, between consecutive observed views."""
    assert outputs.actions is not None
    return (MADE["head"](outputs.z[:, :-1], outputs.z[:, 1:]) - outputs.actions[:, :-1, :2]).square().mean()


TERMS = {
    "squared": squared,
    "unseen_views": unseen_views,
    "across_images": across_images,
    "across_poses": across_poses,
    "relative_pose": relative_pose,
}
