"""What the numbers of a page rest on: the identities that nothing was fitted on."""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor

from seqjepa.diagnostics import Diagnosis
from seqjepa.types import NotIdentifiable


def held_out_identities(diagnosis: Diagnosis) -> Int64[Tensor, " N"]:
    """The places of the test identities. Raises NotIdentifiable where the diagnosis does not hold its split."""
    if diagnosis.split is None:
        raise NotIdentifiable("the diagnosis does not say which identities it was tested on")
    return torch.tensor(diagnosis.split.test, dtype=torch.int64)


def rests_on(diagnosis: Diagnosis) -> str:
    """What a diagnosis' estimates are of, as captions say it."""
    count = "" if diagnosis.split is None else f"n = {len(diagnosis.split.test)} test identities; "
    return f"{count}brackets: 95 % intervals over test identities"
