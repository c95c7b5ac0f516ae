"""Probes that are fitted at one length of a sequence and tested at every other."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.leakage import PERMUTATIONS, ProbeResult, class_null, permutation
from seqjepa.diagnostics.measures.probes import Rows, probe_classes, probe_values
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable


def rows_of_length(split: Rows, lengths: int, windows: int, fitted: int) -> Rows:
    """Rows (I × L × Q) of which those of one length train and validate, and those of all lengths test.

    Args:
        split: masks (I,) of the identities.
        lengths: L.
        windows: of each identity, Q.
        fitted: which of the lengths, by place.
    """
    of_length = torch.zeros(len(split.train), lengths, windows, dtype=torch.bool)
    of_length[:, fitted] = True
    train, validation, test = (part[:, None, None].expand_as(of_length) for part in split)
    return Rows((train & of_length).flatten(), (validation & of_length).flatten(), test.flatten())


def values_across(
    codes: Float[Tensor, "I L Q D"], targets: Float[Tensor, "I L Q K"], split: Rows, fitted: int, seed: int = 0
) -> list[ProbeResult]:
    """How well a target is read at each length by a linear probe that was fitted at one; a result a length.

    The null draws are the same probe's R² of targets that are permuted over identities in each part of the split.

    Args:
        codes: representations of Q sequences of each identity at L lengths.
        targets: of the same sequences.
        split: masks (I,) of the identities that train, validate and test.
        fitted: which of the lengths, by place.
        seed: of permutations.

    Raises:
        NotIdentifiable: a target that is constant over the test identities' sequences of a length.
    """
    identities, lengths, windows, dim = codes.shape
    width, random = targets.shape[-1], generator(seed, "permuted identities", identities)
    permuted = [targets[permutation(split, random)] for _ in range(PERMUTATIONS)]
    asked = torch.cat([targets, *permuted], -1)
    rows = rows_of_length(split, lengths, windows, fitted)
    read = probe_values("linear", codes.reshape(-1, dim), asked.flatten(0, 2), rows, seed, width)
    true = asked[split.test].unflatten(-1, (-1, width))  # (M, L, Q, 1 + P, K)
    apart = (read.reshape(true.shape) - true).square().sum((2, 4))  # (M, L, 1 + P)
    total = (true - true.mean((0, 2), keepdim=True)).square().sum((2, 4))
    if (total.sum(0) <= 0).any():
        raise NotIdentifiable("the path is constant over the test identities")
    scores = 1 - apart.sum(0) / total.sum(0)
    said = read.reshape(true.shape)[..., 0, :]
    return [
        ProbeResult(Ratio(total[:, at, 0] - apart[:, at, 0], total[:, at, 0]), scores[at, 1:], said[:, at])
        for at in range(lengths)
    ]


def classes_across(
    codes: Float[Tensor, "I L Q D"], labels: Int64[Tensor, " I"], split: Rows, fitted: int, seed: int = 0
) -> list[ProbeResult]:
    """How well the class is read at each length by a linear probe that was fitted at one; a result a length.

    Args:
        codes: representations of Q sequences of each identity at L lengths.
        labels: the identities' classes.
        split: masks (I,) of the identities that train, validate and test.
        fitted: which of the lengths, by place.
        seed: of the null's draws.

    Raises:
        NotIdentifiable: unknown labels, or a single class to learn from.
    """
    lengths, windows = codes.shape[1:3]
    if (labels < 0).any() or len(labels[split.train].unique()) < 2:
        raise NotIdentifiable("the identities have no labels, or all the same one")
    rows, repeated = rows_of_length(split, lengths, windows, fitted), labels.repeat_interleave(lengths * windows)
    true = labels[split.test]
    read = probe_classes("linear", codes.flatten(0, 2), repeated, rows, seed).reshape(len(true), lengths, windows)
    right = (read == true[:, None, None]).double().sum(2)
    return [
        ProbeResult(
            Ratio(right[:, at], torch.full_like(right[:, at], windows)),
            class_null(read[:, at], true, seed),
            torch.zeros(0, windows, 0),
        )
        for at in range(lengths)
    ]
