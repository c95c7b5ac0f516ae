"""Two processes with half of each batch beside one with all of it: ``python benchmarks/ranks.py [CASE …]``.

For every term of the objective: 10 steps of the real loop in float64, on gloo, with a model free of batch norm and
without dropout. Compared are every step's loss and other terms, every step's gradients (model's and probes'), the
weights at the end (model with its teacher, probes, optimisers), and a covariance of orbits accumulated in shares. A run
is also stopped on two processes and resumed on one. As a control, the same without gathering the codes must differ.
Ends with 1 where a difference exceeds 1e-10, or the control's does not.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import seqjepa as sj
from seqjepa.diagnostics.measures.subspaces import OrbitCovariance
from seqjepa.recipes import change, digits
from seqjepa.training import loop, preparing
from seqjepa.training.checkpoint import list_checkpoints, read_tensors
from seqjepa.training.config import config_from_yaml

LIMIT = 1e-10
STEPS = 10
KINDS = ("terms", "gradients", "probes' gradients", "weights", "probes", "optimiser")
BASE = change(
    digits(),
    name="ranks",
    epochs=1,
    batch_size=64,
    precision="float64",
    device="cpu",
    images=dict(train=64 * STEPS, test=64),
    model=dict(encoder="convnet", width=4, layers=1, hidden=32, action_embedding=16, dropout=0.0),
    optimiser=dict(warmup_epochs=0.0, schedule="constant"),
    probes=dict(hidden=32),
)
RATES = {
    "prediction": dict(kind="none"),
    "coding_rate of z_agg": dict(kind="coding_rate", target="z_agg", weight=0.01),
    "coding_rate of z": dict(kind="coding_rate", target="z", weight=0.01),
    "coding_rate of both": dict(kind="coding_rate", target="both", weight=0.01),
    "unit_norm_coding_rate of z_agg": dict(kind="unit_norm_coding_rate", target="z_agg", weight=0.05),
    "unit_norm_coding_rate of z": dict(kind="unit_norm_coding_rate", target="z", weight=0.05),
    "unit_norm_coding_rate of both": dict(kind="unit_norm_coding_rate", target="both", weight=0.05),
}
OTHERS = {"vicreg": 0.1, "sigreg": 0.01, "barlow_twins": 0.1, "contrastive": 0.1}
CASES = {name: change(BASE, objective=dict(rate=rate)) for name, rate in RATES.items()} | {
    f"{name} of {target}": change(BASE, objective={"rate": dict(kind="none"), name: dict(weight=weight, target=target)})
    for name, weight in OTHERS.items()
    for target in ("z_agg", "z", "both")
}
CASES |= {
    "no teacher": change(BASE, model=dict(teacher="stop_gradient")),
    "no actions": change(BASE, model=dict(action_conditioning=False)),
}
CONTROL = "control: representations not gathered"
CASES[CONTROL] = BASE


def without_batch_norm(module: nn.Module) -> nn.Module:
    """The module with every batch norm replaced by nothing."""
    for name, child in module.named_children():
        setattr(module, name, nn.Identity() if isinstance(child, nn.modules.batchnorm._BatchNorm) else child)
        without_batch_norm(child)
    return module


def _built_without_batch_norm(build: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    return lambda *given, **named: without_batch_norm(build(*given, **named))


def observe(case: str, folder: Path) -> dict[str, Tensor]:
    """Train in this process, or its share under torchrun; what there is to compare, by name."""
    config = CASES[case]
    seen: dict[str, list[Tensor]] = {"terms": [], "gradients": [], "probes' gradients": []}
    prepare, build, compute = loop.prepare, preparing.build_model, loop.compute_loss

    def recording(name: str) -> Callable[..., None]:
        def record(optimiser: torch.optim.Optimizer, *_: object) -> None:
            gradients = [
                p.grad.flatten() for group in optimiser.param_groups for p in group["params"] if p.grad is not None
            ]
            seen[name].append(torch.cat(gradients))

        return record

    def prepare_and_listen(*given: Any) -> Any:
        run = prepare(*given)
        run.optimiser.register_step_pre_hook(recording("gradients"))
        run.probe_optimiser.register_step_pre_hook(recording("probes' gradients"))
        return run

    def compute_and_record(*arguments: Any) -> Any:
        terms = compute(*arguments)
        assert terms.loss.dtype == torch.float64
        seen["terms"].append(torch.stack(list(terms.logged.values())))
        return terms

    with (
        patch.object(loop, "prepare", prepare_and_listen),
        patch.object(preparing, "build_model", _built_without_batch_norm(build)),
        patch.object(loop, "compute_loss", compute_and_record),
        patch.object(loop, "gather_outputs", loop.gather_outputs if case != CONTROL else lambda _, outputs: outputs),
    ):
        rank = sj.train(config, folder).rank
    found = {name: torch.stack(values) for name, values in seen.items()}
    return found | (at_the_end(folder) if rank == 0 else {})


def at_the_end(folder: Path) -> dict[str, Tensor]:
    """The weights and the optimiser's state in a run's newest checkpoint."""
    tensors, _ = read_tensors(list_checkpoints(folder / "checkpoints")[-1])
    return {
        name: torch.cat([tensor.double().flatten() for key, tensor in tensors.items() if key.startswith(prefix)])
        for name, prefix in {"weights": "model.", "probes": "probes.", "optimiser": "optimiser/"}.items()
    }


def orbit_covariance() -> Tensor:
    """The covariance of a few orbits, each process taking in its share of the identities."""
    rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    sweep = torch.randn(12, 2, 9, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    covariance = OrbitCovariance(16)
    covariance.update(sweep.chunk(ranks)[rank])
    if ranks > 1:
        shares: list[Any] = [None] * ranks
        torch.distributed.all_gather_object(shares, covariance)
        covariance = OrbitCovariance(16)
        for share in shares:
            covariance.merge(share)
    return covariance.compute()


def work(cases: list[str], out: Path) -> None:
    """What each process does: all cases, one after another."""
    found = {}
    for number, case in enumerate(cases):
        for name, value in observe(case, out / str(number)).items():
            found[f"{case}/{name}"] = value
    found["orbit covariance/sum"] = orbit_covariance()
    if int(os.environ.get("RANK", 0)) == 0:
        save_file(found, out / "found.safetensors")


def second_epoch(folder: Path) -> dict[str, Tensor]:
    """Resume a run of one epoch for a second, on this process."""
    (folder / "config.yaml").write_text(change(config_from_yaml(folder / "config.yaml"), epochs=2).to_yaml())
    with patch.object(preparing, "build_model", _built_without_batch_norm(preparing.build_model)):
        sj.resume(folder)
    return at_the_end(folder)


def launch(launcher: list[str], cases: list[str], out: Path) -> dict[str, Tensor]:
    """All cases in processes of their own."""
    out.mkdir()
    command = [sys.executable, *launcher, __file__, *cases, "--work", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return load_file(out / "found.safetensors")


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)} (default: all)")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"{unknown} is not among {', '.join(CASES)}")
    cases = options.cases or list(CASES)
    if options.work:
        work(cases, options.work)
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = launch([], cases, folder / "one")
        two = launch(["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"], cases, folder / "two")
        ends = [second_epoch(folder / which / "0") for which in ("one", "two")]
    assert set(one) == set(two)
    differences = {key: float((one[key] - two[key]).abs().max()) for key in one}
    table = Table("largest difference", *KINDS, title=f"one process with 64, two with 32; {STEPS} steps, float64")
    for case in cases:
        table.add_row(case, *(f"{differences[f'{case}/{kind}']:.1e}" for kind in KINDS))
    resumed = {kind: float((ends[0][kind] - ends[1][kind]).abs().max()) for kind in ends[0]}
    table.add_row(f"{cases[0]}, resumed on one", *(f"{resumed[kind]:.1e}" if kind in resumed else "" for kind in KINDS))
    Console(width=130).print(table)
    control = max((value for key, value in differences.items() if key.startswith(CONTROL)), default=None)
    largest = max(*(value for key, value in differences.items() if not key.startswith(CONTROL)), *resumed.values())
    print(f"covariance of orbits: {differences['orbit covariance/sum']:.1e}")
    print(f"largest difference but the control's: {largest:.1e} (limit {LIMIT:.0e})")
    return 0 if largest <= LIMIT and (control is None or control > LIMIT) else 1


if __name__ == "__main__":
    sys.exit(main())
