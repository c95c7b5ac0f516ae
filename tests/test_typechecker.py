"""What the tests check in every call of the package is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import torch
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import Float, TypeCheckError
from torch import Tensor

from seqjepa.diagnostics.estimate import Estimate
from seqjepa.factors import warp
from seqjepa.types import Pose
from tests.typechecker import checked, typechecker

if TYPE_CHECKING:
    from nowhere import Unknown

check = checked(typechecker=typechecker)


@check
def product(a: Float[Tensor, "N K"], b: Float[Tensor, "K M"], flat: bool = False) -> Float[Tensor, "N M"]:
    return (a @ b).flatten() if flat else a @ b


@check
def repeated(word: str, times: int = 2) -> list[str]:
    return [word] * times if times else word


@check
def rows(of: list[Float[Tensor, " K"]]) -> Iterator[Float[Tensor, " K"]]:
    yield from of


@check
@dataclass
class Pair:
    first: Float[Tensor, " N"]
    second: Float[Tensor, " N"]
    name: str


@check
def of_unknown(unknown: Unknown, number: float) -> float:
    return number


def test_what_fits_passes():
    assert product(torch.zeros(2, 3), torch.zeros(3, 4)).shape == (2, 4)
    assert product(torch.zeros(5, 1), torch.zeros(1, 6)).shape == (5, 6)  # another call has other sizes
    assert repeated("a") == ["a", "a"]
    assert len(list(rows([torch.zeros(3)] * 2))) == 2
    assert Pair(torch.zeros(2), torch.ones(2), "a").name == "a"
    assert of_unknown(object(), 3) == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda: product(torch.zeros(2, 3), torch.zeros(4, 3)),
        lambda: product(torch.zeros(2, 3), torch.zeros(3, 4, dtype=torch.long)),
        lambda: product(torch.zeros(2, 3), torch.zeros(3, 4), flat=True),
        lambda: repeated(3),
        lambda: repeated("a", times="b"),
        lambda: repeated("a", 0),
        lambda: rows([torch.zeros(2, 2)]),
        lambda: Pair(torch.zeros(2), torch.zeros(3), "a"),
        lambda: Pair(torch.zeros(2), torch.zeros(2), 3),
        lambda: of_unknown(None, "a"),
        lambda: Estimate("a"),
        lambda: warp(torch.zeros(2, 28, 28), Pose(torch.zeros(2, 4))),
    ],
)
def test_what_does_not_is_refused(call):
    with pytest.raises((BeartypeCallHintViolation, TypeCheckError)):
        call()
