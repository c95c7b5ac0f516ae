"""How long ``seqjepa --help`` takes to appear, beside Python with a parser."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from rows.effort import Effort
from rows.row import Row, Target
from rows.timing import interleaved, ratio, said


def rows(effort: Effort) -> list[Row]:
    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    works = {
        "help": lambda: run("-m", "seqjepa", "--help"),
        "floor": lambda: run("-c", "import argparse; argparse.ArgumentParser().format_help()"),
    }
    took = interleaved(works, effort.repeats)
    own, floor = median(took["help"]), median(took["floor"])
    values = {"measured_s": own, "floor_s": floor}
    target = Target(0.5, unit="s")
    return [
        Row(
            "start of seqjepa --help",
            f"Python and a parser: {said(floor)}",
            said(own),
            ratio(took["help"], took["floor"]),
            target,
            own,
            values,
        )
    ]
