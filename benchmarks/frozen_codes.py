"""What a run's online probes hide: ``python benchmarks/frozen_codes.py RUN``.

1. Effective ranks of the held-out codes in eval mode, with the batch's statistics, with dropout, and with both: which
   of them fills the directions that satisfy the coding rate.
2. The first relative action read from [z₁, z₂] by the run's own online probe, and by probes fitted afterwards, when
   the encoder stands still: ridge regression and the same MLP.
"""

import copy
import sys
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from seqjepa.diagnostics import effective_rank
from seqjepa.diagnostics.measures.ridge import r2, ridge_probe
from seqjepa.training.checkpoint import list_checkpoints, restore_checkpoint
from seqjepa.training.config import config_from_yaml
from seqjepa.training.preparing import prepare
from seqjepa.training.views import epoch_poses, make_batch
from seqjepa.types import Images

POSES_OF_TRAINING, EPOCHS = 2, 20
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
DROPPING = (nn.Dropout, nn.MultiheadAttention, nn.TransformerEncoderLayer)


def codes(run, model: nn.Module, images: Images, epoch: int | str) -> tuple[Tensor, Tensor, Tensor]:
    """z of the first two views, z_agg and the first action, in the precision of the run."""
    found = []
    poses = epoch_poses(run.config.factors, len(images), run.config.seed, epoch)
    with torch.no_grad(), run.fabric.autocast():
        for index in torch.arange(len(images)).split(run.config.batch_size):
            batch = make_batch(images, index, poses, run.config.factors, run.normalise)
            outputs = model(batch.views, batch.actions)
            found.append((outputs.z[:, :2].float(), outputs.z_agg.float(), batch.actions[:, 0]))
    z, z_agg, action = (torch.cat(parts) for parts in zip(*found, strict=True))
    return z, z_agg, action


def switched(model: nn.Module, *kinds: type[nn.Module]) -> nn.Module:
    """A copy in eval mode, but for modules of these kinds, whose running statistics stay as they are."""
    model = copy.deepcopy(model).eval()
    for module in model.modules():
        if isinstance(module, kinds):
            module.training = True
            if isinstance(module, NORMS):
                module.momentum = 0.0
    return model


def fitted_mlp(x: Tensor, y: Tensor, width: int) -> nn.Module:
    """The online probe's MLP, fitted on standardised frozen codes."""
    mean, std = x.mean(0), x.std(0) + 1e-6
    mlp = nn.Sequential(
        nn.Linear(x.shape[1], width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, y.shape[1])
    )
    optimiser = torch.optim.Adam(mlp.parameters(), 1e-3)
    for _ in range(EPOCHS):
        for index in torch.randperm(len(x)).split(64):
            loss = nn.functional.mse_loss(mlp((x[index] - mean) / std), y[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    class Standardised(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return mlp((z - mean) / std)

    return Standardised()


def main(folder: Path) -> None:
    run = prepare(config_from_yaml(folder / "config.yaml"), folder)
    restore_checkpoint(list_checkpoints(folder / "checkpoints")[-1], run.modules, {})
    torch.manual_seed(0)
    modes = {"eval": (), "batch statistics": NORMS, "dropout": DROPPING, "both": (*NORMS, *DROPPING)}
    table = Table("mode", "rank of z", "rank of z_agg", title="effective ranks (Σσ)²/Σσ², held out")
    for name, kinds in modes.items():
        z, z_agg, _ = codes(run, switched(run.model, *kinds), run.held_out, "held-out")
        table.add_row(name, f"{effective_rank(z[:, 0]):.1f}", f"{effective_rank(z_agg):.1f}")
    Console().print(table)

    model = switched(run.model)
    seen = [codes(run, model, run.images, f"frozen {i}") for i in range(POSES_OF_TRAINING)]
    x, y = torch.cat([z.flatten(1) for z, _, _ in seen]), torch.cat([a for _, _, a in seen])
    z, _, true = codes(run, model, run.held_out, "held-out")
    with torch.no_grad():
        online = run.probes.eval().action_pair(z.flatten(1))
    who = torch.arange(len(run.images)).repeat(POSES_OF_TRAINING)
    validation = torch.cat([who % 10 == 0, torch.zeros(len(z), dtype=torch.bool)])
    test = torch.cat([torch.zeros(len(x), dtype=torch.bool), torch.ones(len(z), dtype=torch.bool)])
    ridge = ridge_probe(torch.cat([x, z.flatten(1)]), torch.cat([y, true]), ~validation & ~test, validation, test)
    mlp = fitted_mlp(x, y, run.config.probes.hidden)
    with torch.no_grad():
        read = {"online MLP": online, "ridge, fitted after": ridge.predicted, "MLP, fitted after": mlp(z.flatten(1))}
    table = Table("probe", "sin Δθ", "cos Δθ", "Δx", "Δy", "Δ log s", "mean", title="R² of the first action")
    for name, said in read.items():
        scores = r2(said.double(), true.double())
        table.add_row(name, *(f"{float(v):.3f}" for v in scores), f"{float(scores.nanmean()):.3f}")
    Console().print(table)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/frozen_codes.py RUN")
    main(Path(sys.argv[1]))
