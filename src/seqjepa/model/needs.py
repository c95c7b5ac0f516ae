"""What a term or an aggregator asks of the rest of a run, said once, beside the thing that asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What of a run's configuration may be asked for.

    Attributes:
        encoder: its name.
        views: of a sequence, the target among them.
        first_view: "identity" or "random".
        actions: "difference" or "group".
    """

    encoder: str
    views: int
    first_view: str
    actions: str


@dataclass(frozen=True)
class Need:
    """One thing that is asked for.

    Attributes:
        met: whether a setting has it.
        message: one line for the user that names the field to change; ``{name}`` stands for who asks.
    """

    met: Callable[[Setting], bool]
    message: str


def unmet(name: str, needs: Sequence[Need], setting: Setting) -> str | None:
    """The first need of ``name`` that the setting does not meet, as a line for the user; None when all are met."""
    return next((need.message.format(name=name) for need in needs if not need.met(setting)), None)


OBSERVED_PAIR = Need(
    lambda setting: setting.views >= 3, "factors.views: {name} compares observed views; give 3 or more"
)
IDENTITY_FIRST = Need(
    lambda setting: setting.first_view == "identity", "factors.first_view: {name} needs it to be 'identity'"
)
SPLIT_CODE = Need(
    lambda setting: setting.encoder == "split",
    "model.encoder: {name} needs the parts of a split representation; set it to 'split'",
)
DIFFERENCES = Need(
    lambda setting: setting.actions == "difference",
    "factors.actions: {name} moves split representations by actions of the kind 'difference' only",
)
