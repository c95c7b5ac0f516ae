"""The loss: the weighted sum of an objective's terms, each logged alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.objective.terms import Term
from seqjepa.types import Outputs


@dataclass(frozen=True)
class Loss:
    """The loss, and every term by the name of its column, with what helps to read them.

    Attributes:
        loss: the only entry with gradient.
        logged: detached scalars, ``loss`` first.
    """

    loss: Float[Tensor, ""]
    logged: dict[str, Float[Tensor, ""]]


def compute_loss(outputs: Outputs, terms: Sequence[Term]) -> Loss:
    """Σ ± weight · term over the terms in their order; one of weight 0 is not computed unless it says ``always``.

    Raises:
        FloatingPointError: a term is not finite; the message names it.
        ValueError: there is no term to compute.
    """
    loss: Tensor | None = None
    logged: dict[str, Tensor] = {}
    for term in terms:
        if not (term.weight or term.always):
            continue
        for part in _parts(term, outputs):
            weighted = term.weight * part.value
            if loss is None:
                loss = -weighted if term.maximised else weighted
            else:
                loss = loss - weighted if term.maximised else loss + weighted
            logged |= {part.name: part.value.detach(), **part.watched}
    if loss is None:
        raise ValueError("an objective needs at least one term with a weight above 0")
    logged = {"loss": loss.detach(), **logged}
    finite = torch.stack(list(logged.values())).isfinite()
    if not finite.all():  # all at once, since each look from the host stops a GPU
        # The loss is not finite because a term is not, and that is the one to name.
        wrong = [name for name, fine in zip(logged, finite.tolist(), strict=True) if not fine]
        name = next((name for name in wrong if name != "loss"), "loss")
        raise FloatingPointError(f"the term {name!r} is {logged[name].item()}")
    return Loss(loss, logged)


def _parts(term: Term, outputs: Outputs):
    try:
        return term(outputs)
    except FloatingPointError as error:
        raise FloatingPointError(f"the term {term.name!r}: {error}") from error
