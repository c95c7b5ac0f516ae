"""What the diagnosis inside training costs, beside an epoch: ``python benchmarks/monitor.py [RECIPE]``.

Trains one epoch, then times the monitor's two halves: encoding its held-out views, and the figures. The second is to
stay within 5 % of the epoch.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from seqjepa.monitor import SubspaceMonitor
from seqjepa.recipes import RECIPES, change
from seqjepa.training import train

REPEATS = 5


def main(name: str) -> None:
    spent: dict[str, list[float]] = {"encoding held-out views": [], "figures": []}

    def timed(moment):
        monitor = SubspaceMonitor()
        with TemporaryDirectory() as folder:
            for repeat in range(REPEATS):
                start = time.perf_counter()
                sweeps = monitor.sweeps(moment)
                encoded = time.perf_counter()
                monitor.figures(sweeps, Path(folder), repeat)
                spent["figures"].append(time.perf_counter() - encoded)
                spent["encoding held-out views"].append(encoded - start)
        return {}

    with TemporaryDirectory() as folder:
        result = train(change(RECIPES[name](), epochs=1), Path(folder) / "run", [timed])
        timings = (result.folder / "timing.csv").read_text().splitlines()
    epoch = float(dict(zip(timings[0].split(","), timings[1].split(","), strict=True))["training_s"])
    table = Table("what", "seconds", "of an epoch's training", title=name)
    table.add_row("an epoch's training", f"{epoch:.2f}", "100 %")
    for what, seconds in spent.items():
        median = sorted(seconds)[REPEATS // 2]
        table.add_row(what, f"{median:.3f}", f"{100 * median / epoch:.1f} %")
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "mnist_affine_fast")
