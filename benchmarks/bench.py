"""How fast, beside how fast it could be: ``python benchmarks/bench.py [--out bench.json] [--only NAME …]``.

Prints one table: each row was measured in this run beside its floor (interleaved rounds, medians), and writes the same
to a JSON file with the machine, the threads and the commit. ``--markdown FILE`` prints the table of such a file for a
page. ``--tiny`` takes sizes so small that its numbers say nothing: to see whether everything runs.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from rows import (
    allocation,
    arithmetic,
    design,
    gpu,
    growth,
    making_views,
    memory,
    probes_and_diagnosis,
    scenes,
    seed_quality,
    start,
    subspaces,
    training_steps,
    whole_diagnosis,
)
from rows.effort import FULL, TINY, Effort
from rows.row import HEADINGS, Row

from seqjepa.io.files import write_atomic
from seqjepa.training.folder import commit, processor
from seqjepa.types import WriteFailed

ROWS: dict[str, Callable[[Effort], list[Row]]] = {
    "training": training_steps.rows,
    "arithmetic": arithmetic.rows,
    "views": making_views.rows,
    "scenes": scenes.rows,
    "quality": seed_quality.rows,
    "subspaces": subspaces.rows,
    "growth": growth.rows,
    "design": design.rows,
    "inside": probes_and_diagnosis.rows,
    "whole": whole_diagnosis.rows,
    "memory": memory.rows,
    "allocation": allocation.rows,
    "start": start.rows,
    "gpu": gpu.rows,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=Path("bench.json"), help="where the JSON goes (default: bench.json)"
    )
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), help="some rows only")
    parser.add_argument("--tiny", action="store_true", help="sizes that say nothing")
    parser.add_argument("--markdown", type=Path, help="print the table of a JSON file, and measure nothing")
    options = parser.parse_args()
    if options.markdown:
        print(markdown(json.loads(options.markdown.read_text(encoding="utf-8"))))
        return 0
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    console, started, found = Console(stderr=True), time.perf_counter(), []
    for name in options.only:
        with console.status(f"measuring: {name}"):
            begun = time.perf_counter()
            found += ROWS[name](TINY if options.tiny else FULL)
        console.print(f"{name}: {time.perf_counter() - begun:.0f} s")
    metadata = {**surroundings(), "tiny": options.tiny, "seconds": round(time.perf_counter() - started)}
    measured = {"metadata": metadata, "rows": [row.as_json() for row in found]}
    try:
        write_atomic(options.out, json.dumps(measured, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    except WriteFailed as error:
        print(error, file=sys.stderr)
        return 2
    print_table(found, metadata)
    print(f"saved: {options.out}")
    return 0


def surroundings() -> dict:
    """What the numbers depend on."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "load": round(os.getloadavg()[0], 2),
    }


def title(metadata: dict) -> str:
    """One line that says where and of what the numbers are."""
    return (
        f"commit {metadata['commit']}, {metadata['machine']}, {metadata['threads']} threads of "
        f"{metadata['cores']} cores, GPU: {metadata['gpu'] or 'none'}, "
        f"PyTorch {metadata['torch']}, {metadata['seconds']} s in all"
    )


def print_table(found: list[Row], metadata: dict) -> None:
    table = Table(title=title(metadata), show_lines=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in ("ratio", "target") else "left")
    styles = {True: "green", False: "red", None: "dim"}
    for row in found:
        *cells, met = row.cells()
        table.add_row(*cells, f"[{styles[row.met]}]{met}[/]")
    Console(width=max(Console().width, 140)).print(table)


def markdown(measured: dict) -> str:
    """The table for a page, from the JSON."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|" + "---|" * len(HEADINGS)]
    for kept in measured["rows"]:
        lines.append(f"| {' | '.join(kept['cells'])} |")
    return "\n".join([title(measured["metadata"]), "", *lines])


if __name__ == "__main__":
    sys.exit(main())
