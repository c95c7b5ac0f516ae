"""``seqjepa grid``: parse, call, print."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqjepa.cli.jobs import add_job_arguments, job_options
from seqjepa.cli.train import TRUST, base_config, refuse_untrusted

if TYPE_CHECKING:
    from rich.console import Console

    from seqjepa.workflows.grid import Member, Point
    from seqjepa.workflows.jobs import Outcome

OWN_FLAGS = (
    "--config",
    "--out",
    "--grid",
    "--seeds",
    "--jobs",
    "--cluster",
    "--cluster-options",
    "--trust",
    "--help",
    "-h",
)
EXAMPLES = """any other --field VALUE holds for all runs, as in 'seqjepa train'

examples:
  seqjepa grid digits --grid objective.rate.weight=0.003,0.01,0.03 --seeds 3
  seqjepa grid digits --grid model.teacher=ema,stop_gradient model.width=8,16 --jobs 2 --epochs 10
  seqjepa grid mnist_affine --grid "factors.rotation=-30 30,-75 75" --seeds 3 --cluster slurm \\
      --cluster-options timeout_min=240 slurm_partition=gpu gpus_per_node=1 cpus_per_task=4

Stopped, it goes on with the same command: finished runs are skipped, begun ones resumed.
"""
METRICS = {
    "loss": ("loss", "{:.3f}"),
    "prediction_test": ("1 - cos", "{:.4f}"),
    "linacc_test": ("z_agg class %", "{:.1f}"),
    "leakage_linacc_test": ("z class %", "{:.1f}"),
    "r2_test": ("action R²", "{:.3f}"),
    "rank_inv_eff": ("z_agg rank", "{:.1f}"),
}


def add_grid_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa grid`` takes, beside fields of the configuration."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    parser.add_argument("recipe", nargs="?", help="see 'seqjepa list recipes'")
    parser.add_argument("--config", type=Path, help="a saved config.yaml instead of a recipe")
    parser.add_argument("--trust", action="store_true", help=TRUST)
    parser.add_argument("--grid", nargs="+", default=[], metavar="FIELD=V,V", help="a field and the values it takes")
    parser.add_argument("--seeds", type=int, default=1, help="runs at each point of the grid (default: 1)")
    add_job_arguments(parser, "run")
    parser.add_argument("--out", type=Path, help="folder of the grid (default: runs/grid-NAME)")


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Train the grid's runs and compare them. Returns 1 when one failed."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from seqjepa.workflows.grid import parse_grid, plan_grid, train_grid

    where = job_options(options)
    config, values = base_config(options, overrides), parse_grid(options.grid)
    refuse_untrusted(options, config, [*overrides, *(f"--{field}" for field in values)])
    plan = plan_grid(
        config,
        values,
        options.out,
        seeds=options.seeds,
        **where,
    )
    console = Console(highlight=False, markup=False, emoji=False)
    columns = BarColumn(), MofNCompleteColumn(), TextColumn("runs ·"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=len(plan.members))

        def begun(finished: int) -> None:
            runs = f"{len(plan.members)} runs in {plan.folder}, {finished} finished before"
            console.print(runs, soft_wrap=True)
            bar.update(task, completed=finished)

        def ended(outcome: Outcome[Member]) -> None:
            how = f"failed: {outcome.reason()}" if outcome.code else f"finished in {outcome.seconds:.0f} s"
            console.print(f"{outcome.member.name}: {how}", soft_wrap=True)
            bar.advance(task)

        trained = train_grid(plan, begun, ended)
    print_comparison(console, trained.points)
    print(f"grid: {plan.folder} (every metric: comparison.csv)")
    for outcome in trained.failed:
        print(f"failed: {outcome.member.name}: {outcome.reason()}")
    return 1 if trained.failed else 0


def print_comparison(console: Console, points: Sequence[Point]) -> None:
    """A line for each point of the grid: the last epoch's metrics, mean ± standard deviation over seeds."""
    from rich import box
    from rich.table import Table

    fields = [*points[0].values]
    names = [field.rpartition(".")[2] for field in fields]
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for field, name in zip(fields, names):
        table.add_column(name if names.count(name) == 1 else field, overflow="fold")
    table.add_column("seeds", justify="right")
    for title, _ in METRICS.values():
        table.add_column(title, justify="right")
    for point in points:
        cells = [str(len(point.seeds))]
        for metric, (_, form) in METRICS.items():
            mean, sd = point.mean_and_sd(metric) or (None, None)
            cells.append("" if mean is None else form.format(mean))
            cells[-1] += "" if sd is None else f"\n± {form.format(sd)}"
        table.add_row(*point.values.values(), *cells)
    console.print(table)
    print("The last epoch, held out, but for the loss; ± the standard deviation over seeds.")
