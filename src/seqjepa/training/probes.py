"""Online probes: trained beside the model on representations without gradient; they never change the model."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from seqjepa.factors import action_columns
from seqjepa.factors.relative_pose import ACTION_COLUMNS
from seqjepa.factors.steps import step_columns, steps_read
from seqjepa.types import Factor, Outputs


class OnlineProbes(nn.Module):
    """The four probes of the seed run; without class probes where the images have no labels.

    ``class_z_agg`` and ``class_z``: linear, from z_agg and from the first view's z. ``action_z_agg``: linear, from
    z_agg. ``action_pair``: an MLP (2D → hidden → hidden → A, ReLU) from the first two views' [z₁, z₂]; with a single
    observed view (V = 2) there is no observed pair, and z₂ is the teacher's representation of the target.

    Args:
        code_dim: dimensions of z.
        aggregate_dim: dimensions of z_agg.
        action_dim: columns of an action.
        classes: of the images; 0 without labels.
        hidden: width of the two hidden layers of ``action_pair``.
    """

    def __init__(self, code_dim: int, aggregate_dim: int, action_dim: int, classes: int, hidden: int) -> None:
        super().__init__()
        self.class_z_agg = nn.Linear(aggregate_dim, classes) if classes else None
        self.class_z = nn.Linear(code_dim, classes) if classes else None
        self.action_z_agg = nn.Linear(aggregate_dim, action_dim)
        self.action_pair = nn.Sequential(
            nn.Linear(2 * code_dim, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, action_dim),
        )

    def forward(self, outputs: Outputs) -> dict[str, Float[Tensor, "B K"]]:
        """What each probe says, outside autocast and without gradient into the model."""
        with torch.autocast(outputs.z.device.type, enabled=False):
            own = self.action_z_agg.weight.dtype
            z, z_agg = outputs.z.detach().to(own), outputs.z_agg.detach().to(own)
            second = z[:, 1] if z.shape[1] > 1 else outputs.target.detach().to(own)
            said = {
                "action_z_agg": self.action_z_agg(z_agg),
                "action_pair": self.action_pair(torch.cat([z[:, 0], second], -1)),
            }
            if self.class_z_agg is not None and self.class_z is not None:
                said |= {"class_z_agg": self.class_z_agg(z_agg), "class_z": self.class_z(z[:, 0])}
            return said


def probe_loss(
    said: dict[str, Tensor], labels: Int64[Tensor, " B"], first_action: Float[Tensor, "B A"]
) -> Float[Tensor, ""]:
    """The sum of the probes' losses; they share no weight, so each learns as if alone."""
    losses = [F.cross_entropy(said[name], labels) for name in ("class_z_agg", "class_z") if name in said]
    for name in ("action_z_agg", "action_pair"):
        # Of two types in one loss older versions of PyTorch have no gradient.
        exact = torch.promote_types(said[name].dtype, first_action.dtype)
        losses.append(F.mse_loss(said[name].to(exact), first_action.to(exact)))
    return reduce(operator.add, losses)


@dataclass
class ProbeScores:
    """What the probes say over a held-out split, gathered batch by batch, and its scores under the seed run's names."""

    factors: tuple[Factor, ...]
    said: dict[str, list[Tensor]] = field(default_factory=dict)
    labels: list[Tensor] = field(default_factory=list)
    actions: list[Tensor] = field(default_factory=list)

    def update(self, said: dict[str, Tensor], labels: Tensor, first_action: Tensor) -> None:
        """Keep what the probes say of a batch."""
        for name, value in said.items():
            self.said.setdefault(name, []).append(value)
        self.labels.append(labels)
        self.actions.append(first_action)

    def compute(self) -> dict[str, float]:
        """Accuracies in per cent, with labels; R² as the mean over the action's columns that vary, at most 1."""
        said = {name: torch.cat(values) for name, values in self.said.items()}
        labels, action = torch.cat(self.labels), torch.cat(self.actions)
        varying = self.varying(action)
        pair = column_r2(said["action_pair"][:, varying], action[:, varying])
        aggregate = column_r2(said["action_z_agg"][:, varying], action[:, varying])
        of_class = {name: _accuracy(said[name], labels) for name in ("class_z_agg", "class_z") if name in said}
        scores = {
            "linacc_test": of_class.get("class_z_agg"),
            "r2_test": float(pair.mean()),
            # The seed run's habit: constant columns count as 0.
            "r2_test_all_columns": float(pair.sum()) / action.shape[1],
            "leakage_linacc_test": of_class.get("class_z"),
            "leakage_r2_test": float(aggregate.mean()),
        }
        scores = {name: score for name, score in scores.items() if score is not None}
        r2 = dict(zip(varying, pair.tolist(), strict=True))
        return scores | self.of_factors(r2, said["action_pair"], action)

    def varying(self, action: Float[Tensor, "N A"]) -> list[int]:
        """The columns of an action that vary."""
        return action_columns(self.factors)

    def of_factors(
        self, r2: Mapping[int, float], said: Float[Tensor, "N A"], action: Float[Tensor, "N A"]
    ) -> dict[str, float]:
        """R² of each column of an affine action that varies.

        Args:
            r2: of each column that varies.
            said: what the probe says.
            action: what is true.
        """
        return {f"r2_test_{ACTION_COLUMNS[column]}": score for column, score in r2.items()}


class SceneScores(ProbeScores):
    """The same of a scene, whose first steps are told as ``step_targets``.

    Of each factor: ``r2_test_…``, the mean over its columns that vary; ``error_test_…``, the mean error in the kind's
    own measure (degrees between rotations; the share of wrong answers of levels; the factor's unit), and
    ``error_constant_…``, that of the best constant. Of levels also ``accuracy_test_…`` and ``accuracy_constant_…`` [%].
    """

    def varying(self, action: Float[Tensor, "N A"]) -> list[int]:
        """The columns that vary among what was held out."""
        spread = action.double().std(0)
        return [column for column in range(action.shape[1]) if spread[column] > 1e-6]

    def of_factors(
        self, r2: Mapping[int, float], said: Float[Tensor, "N A"], action: Float[Tensor, "N A"]
    ) -> dict[str, float]:
        """As the class says. Arguments as in ``ProbeScores``."""
        read, true = steps_read(self.factors, said), steps_read(self.factors, action)
        found: dict[str, float] = {}
        for factor in self.factors:
            kind, own = factor.kind.steps, step_columns(self.factors)[factor.name]
            columns = [r2[column] for column in range(own.start, own.stop) if column in r2]
            if columns:
                found[f"r2_test_{factor.name}"] = sum(columns) / len(columns)
            constant = kind.constant(true[factor.name]).expand_as(true[factor.name])
            for name, answer in (("test", read[factor.name]), ("constant", constant)):
                error = float(kind.error(answer, true[factor.name]).mean())
                found[f"error_{name}_{factor.name}"] = error
                if not factor.ordered:
                    found[f"accuracy_{name}_{factor.name}"] = 100 * (1 - error)
        return found


def column_r2(predicted: Float[Tensor, "N K"], true: Float[Tensor, "N K"]) -> Float[Tensor, " K"]:
    """R² of each column: 1 - residual / total sum of squares; of columns that vary."""
    predicted, true = predicted.double(), true.double()
    return 1 - (true - predicted).square().sum(0) / (true - true.mean(0)).square().sum(0)


def _accuracy(logits: Float[Tensor, "N K"], labels: Int64[Tensor, " N"]) -> float:
    return 100 * float((logits.argmax(-1) == labels).double().mean())
