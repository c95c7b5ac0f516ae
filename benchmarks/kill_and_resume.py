"""A run killed again and again, beside the same run undisturbed: ``python benchmarks/kill_and_resume.py [KILLS]``.

Every process of the run is ended by SIGKILL: most at a random state, every third within a write, with half of a file's
bytes on the disk, or all of them and not yet renamed, or just renamed. The next process goes on. After each kill the
metrics must be whole; at the end metrics, weights, optimisers, probes and what the random generators draw must be those
of the undisturbed run, byte for byte. Ends with 1 if they are not.
"""

import argparse
import csv
import json
import os
import random
import signal
import stat
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import seqjepa as sj
from seqjepa.recipes import change, digits
from seqjepa.training import Config, EpochEnd
from seqjepa.training.checkpoint import list_checkpoints

CONFIG = change(
    digits(),
    name="killed",
    batch_size=32,
    precision="float32",
    evaluate_every=1,
    images=dict(train=160, test=64),
    model=dict(encoder="convnet", width=4, layers=1, hidden=32, action_embedding=16),
    probes=dict(hidden=32),
)
NOT_REAPED = os.WEXITED | os.WNOHANG | os.WNOWAIT
WRITES = [
    ("checkpoints", "half written"),
    ("checkpoints", "not yet renamed"),
    ("checkpoints", "just renamed"),
    ("metrics", "half written"),
    ("metrics", "not yet renamed"),
]
ENDED = "the run ended before it was killed"
WHOLE = ("metrics.csv", "metrics.jsonl", "model.safetensors")


def draws(state: EpochEnd) -> dict[str, float]:
    """A number of each random generator, into the metrics: they agree only if the generators' states do."""
    numbers = {"drawn_torch": torch.rand(()), "drawn_numpy": np.random.rand(), "drawn_python": random.random()}  # noqa: NPY002
    return {name: float(number) for name, number in numbers.items()}


def start_or_go_on(config: Config, folder: Path) -> None:
    """What a user does: start the run, or resume it when it was started."""
    if (folder / "config.yaml").exists():
        sj.resume(folder, [draws])
    else:
        sj.train(config, folder, [draws])


def in_a_process(work: Callable[[], None], output: Path) -> int:
    """Do the work in a child process; returns its id."""
    child = os.fork()
    if child:
        return child
    with output.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def die_in_a_write(files: str, count: int, state: str) -> None:
    """Arm this process to kill itself within the ``count``-th write of such files.

    Args:
        files: what their folder or their name contains.
        state: "half written", "not yet renamed" or "just renamed".
    """
    flush, seen = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal seen
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)  # a folder is flushed after the renaming
        if files in os.readlink(f"/proc/self/fd/{descriptor}") and folder == (state == "just renamed"):
            seen += 1
            if seen == count:
                if state == "half written":
                    os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
        flush(descriptor)

    os.fsync = fsync


def finished_epochs(folder: Path) -> int:
    newest = list_checkpoints(folder / "checkpoints")[-1:]
    return int(newest[0].stem.removeprefix("epoch-")) if newest else 0


def check_metrics(folder: Path) -> None:
    """Every line whole, every epoch once and in order."""
    if (folder / "metrics.csv").exists():
        with (folder / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))
        assert all(value not in (None, "") for row in rows for value in row.values())
    if (folder / "metrics.jsonl").exists():
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))


def kill_once(config: Config, folder: Path, output: Path, moments: random.Random, within_a_write: bool) -> str | None:
    """Go on with the run until a random state within two epochs; says when it was killed, None if it ended before."""
    if within_a_write:
        files, state = moments.choice(WRITES)
        count = moments.randint(1, 2)

        def work() -> None:
            die_in_a_write(files, count, state)
            start_or_go_on(config, folder)

        child = in_a_process(work, output)
        what = f"{files}: {state}"
    else:
        child = in_a_process(lambda: start_or_go_on(config, folder), output)
        what, wanted = "at a random state", finished_epochs(folder) + moments.randint(0, 1)
        while finished_epochs(folder) < wanted and os.waitid(os.P_PID, child, NOT_REAPED) is None:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.5))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return what if os.WIFSIGNALED(status) else None


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("kills", nargs="?", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    config = CONFIG.model_copy(update={"epochs": 2 * options.kills + 4})
    met: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        whole, killed, output = Path(name, "whole"), Path(name, "killed"), Path(name, "output.txt")
        assert os.waitpid(in_a_process(lambda: start_or_go_on(config, whole), output), 0)[1] == 0, output.read_text()
        for kill in range(options.kills):
            what = kill_once(config, killed, output, moments, within_a_write=kill % 3 == 2)
            met[what or ENDED] += 1
            check_metrics(killed)
        reached = finished_epochs(killed)
        status = os.waitpid(in_a_process(lambda: start_or_go_on(config, killed), output), 0)[1]
        assert status == 0, output.read_text()[-3000:]
        check_metrics(killed)
        newest = f"checkpoints/epoch-{config.epochs:04d}.safetensors"
        same = {file: (whole / file).read_bytes() == (killed / file).read_bytes() for file in (*WHOLE, newest)}
        left = [path.name for path in killed.rglob("*.tmp")]
    print(f"{config.epochs} epochs, the last kill after {reached}")
    for what, count in sorted(met.items()):
        print(f"  {count:3d} {what}")
    for file, equal in same.items():
        print(f"  {file}: {'the same bytes' if equal else 'DIFFERENT'}")
    print(f"  temporary files left: {', '.join(left) or 'none'}")
    survived = options.kills - met[ENDED] if all(same.values()) and not left else 0
    print(f"{survived} of {options.kills} kills survived")
    return 0 if survived == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
