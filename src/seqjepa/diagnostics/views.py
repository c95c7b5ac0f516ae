"""Which views a block of a diagnosis reads beside the isolated sweeps; said where the block stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args

View = Literal["group sweeps", "joint design", "probe set", "predictions"]
VIEWS: tuple[View, ...] = get_args(View)
Block = TypeVar("Block", bound=Callable[..., Any])
_READ: dict[Callable[..., Any], frozenset[View]] = {}


def reads(*views: View) -> Callable[[Block], Block]:
    """Says what a block reads beside the isolated sweeps, so that nothing is encoded that nobody reads.

    Args:
        views: of ``VIEWS``; none where the isolated sweeps are all. Predictions are made from group sweeps.
    """

    def said(block: Block) -> Block:
        _READ[block] = frozenset(views)
        return block

    return said


def views_read(blocks: Iterable[Callable[..., Any]] | Mapping[str, Callable[..., Any]]) -> frozenset[View]:
    """What any of the blocks reads; everything of one that does not say."""
    asked = blocks.values() if isinstance(blocks, Mapping) else blocks
    return frozenset(view for block in asked for view in _READ.get(block, VIEWS))
