"""A diagnosis killed while it encodes, and begun again: ``python benchmarks/killed_diagnosis.py OUT OPTION …``.

``seqjepa diagnose OPTION …`` is ended by SIGKILL when a third of the views are encoded, and its second process when two
thirds are; the third one ends. Prints each process's own seconds, how far it got and its peak of memory. With
``--beside`` after OUT the same is then done without kills, with the identities that were chosen, and representations
and estimates must be the same, byte for byte; ends with 1 if they are not.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

KILLS = (1 / 3, 2 / 3)
ENCODED = re.compile(r"encoding views: ([\d,]+) of ([\d,]+)")
CHOSEN = re.compile(r"the budget: identities (\d+), steps (\d+), base poses (\d+), probe images (\d+)")


def diagnosed(out: Path, cache: Path, options: list[str], kill_at: float | None) -> str:
    """One process; what it said. Killed at a share of the views, or never."""
    command = [sys.executable, "-m", "seqjepa", "diagnose", *options, "--out", str(out), "--cache", str(cache)]
    began, said = time.monotonic(), []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    share = 0.0
    for line in process.stdout:
        said.append(line)
        print(f"  {time.monotonic() - began:6.0f} s  {line}", end="", flush=True)
        if (found := ENCODED.search(line)) is not None:
            done, total = (int(number.replace(",", "")) for number in found.groups())
            share = done / total
            if kill_at is not None and share >= kill_at:
                process.send_signal(signal.SIGKILL)
                break
    _, status, used = os.wait4(process.pid, 0)
    seconds, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20
    ended = "killed" if os.WIFSIGNALED(status) else f"ended with {os.waitstatus_to_exitcode(status)}"
    print(
        f"{ended}: {time.monotonic() - began:.0f} s, {seconds:.0f} s of processor time, {peak:.2f} GiB at most, "
        f"last seen at {100 * share:.0f} %",
        flush=True,
    )
    return "".join(said)


def main(out: Path, beside: bool, options: list[str]) -> int:
    """0 where everything is the same, or nothing was compared."""
    said = ""
    for kill_at in (*KILLS, None):
        said += diagnosed(out / "killed", out / "cache", options, kill_at)
    if not beside:
        return 0
    if chosen := CHOSEN.search(said):
        names = ("--identities", "--steps", "--base-poses", "--probe-images")
        at = options.index("--budget")
        options = [*options[:at], *options[at + 2 :]]
        options += [text for pair in zip(names, chosen.groups(), strict=True) for text in pair]
    shutil.rmtree(out / "other-cache", ignore_errors=True)
    diagnosed(out / "whole", out / "other-cache", options, None)
    one, other = (json.loads((out / name / "diagnosis.json").read_text()) for name in ("killed", "whole"))
    sweeps = [(out / name / "sweeps.safetensors").read_bytes() for name in ("killed", "whole")]
    same = {"representations": sweeps[0] == sweeps[1]} | {
        key: one.get(key) == other.get(key) for key in {**one, **other}
    }
    print(same)
    return 0 if all(same.values()) else 1


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    words = sys.argv[2:]
    sys.exit(main(Path(sys.argv[1]), words[0] == "--beside", words[1:] if words[0] == "--beside" else words))
