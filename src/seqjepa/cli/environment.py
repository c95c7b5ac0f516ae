"""Variables of the environment that libraries read as numbers, some while they are imported: looked at before that."""

from __future__ import annotations

from collections.abc import Mapping

NUMBERS = (  # as torchrun, Slurm and others set them
    *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "NODE_RANK", "MASTER_PORT"),
    *("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "JSM_NAMESPACE_RANK"),
)
FROM_ONE = ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS")
MOST = 1_000_000


def wrong_number(environment: Mapping[str, str]) -> str:
    """A line that names the first variable which is no whole number; "" where all are, or are not set."""
    for name in NUMBERS:
        if (value := environment.get(name)) is None:
            continue
        least = int(name in FROM_ONE)
        plain = value.isascii() and value.isdecimal() and len(value) <= len(str(MOST))
        if not plain or not least <= int(value) <= MOST:
            said = ascii(value[:40])
            return f"the environment variable {name} is {said}, not a whole number from {least}; unset it, or set it so"
    return ""
