"""What looks inside while a run trains, as a share of an epoch: online probes, scores and ranks, subspaces."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from rows.effort import Effort
from rows.row import Row, Target
from rows.stepping import Step, recipe
from rows.timing import interleaved, said
from seqjepa.diagnostics import effective_rank
from seqjepa.recipes import RECIPES
from seqjepa.sweeps import Sweeps
from seqjepa.training.config import Config
from seqjepa.workflows.monitor import SubspaceMonitor


def rows(effort: Effort) -> list[Row]:
    return [share_of_epoch(name, effort) for name in ("mnist_affine", "mnist_affine_fast")]


def share_of_epoch(name: str, effort: Effort) -> Row:
    """In an epoch that is diagnosed; those between have the probes alone. Encoding held-out views is not counted."""
    config = recipe(name, effort)
    step = Step(config)
    took = interleaved({"step": step.whole, "probes": step.online_probes}, effort.few)
    of_run = RECIPES[name]().images
    steps, held_out = (of_run.train or 60_000) // config.batch_size, of_run.test or 10_000
    dims = step.model.code_dim, step.model.aggregate_dim
    z = [torch.randn(held_out if effort.batch is None else 50, dim) for dim in dims]
    sweeps, monitor = monitored(config, dims[0]), SubspaceMonitor()
    with TemporaryDirectory() as folder:
        epochs = iter(range(1, 1000))
        parts = interleaved(
            {
                "estimates": lambda: monitor.estimates(sweeps, Path(folder), next(epochs)),
                "ranks": lambda: [effective_rank(codes) for codes in 2 * z],  # in both modes
            },
            effort.few,
        )
    epoch = steps * median(took["step"])
    probing, estimates, ranks = steps * median(took["probes"]), median(parts["estimates"]), median(parts["ranks"])
    share = (probing + estimates + ranks) / epoch
    return Row(
        f"probes and diagnosis inside {name}, but for encoding",
        f"an epoch of {steps} steps: {said(epoch)}",
        f"probes {said(probing)}, ranks {said(ranks)}, subspaces {said(estimates)}",
        share,
        Target(5, unit="%"),
        100 * share,
        {"epoch_s": epoch, "probes_s": probing, "ranks_s": ranks, "subspaces_s": estimates},
    )


def monitored(config: Config, dim: int) -> Sweeps:
    """Codes of as many views as the monitor looks at, a factor a direction and noise."""
    monitor, random = SubspaceMonitor(), torch.Generator().manual_seed(0)
    mix = torch.randn(4, dim, generator=random)
    content = torch.randn(monitor.identities, dim, generator=random)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        return content[who] + pose.float() @ mix + 0.1 * torch.randn(len(who), dim, generator=random)

    return Sweeps.from_function(
        f, config.factors.factors(), monitor.identities, steps=monitor.steps, base_poses=monitor.base_poses, joint=0
    )
