"""What others let run at an epoch's end: it may fail without costing the epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqjepa.io.schemas import briefly
from seqjepa.model import SeqJEPA
from seqjepa.training.config import Config
from seqjepa.training.scene_views import SceneViews
from seqjepa.training.views import Normalisation
from seqjepa.types import Images, InputError, OutOfMemory, WriteFailed
from seqjepa.types.foreign import foreign_code
from seqjepa.types.limits import NAME_LETTERS


@dataclass(frozen=True)
class EpochEnd:
    """What a callback sees, every ``evaluate_every`` epochs and after the last.

    Attributes:
        epoch: the epoch just finished, from 1.
        model: in train mode; leave it as you found it.
        held_out: the run's held-out images, on the model's device; or a scene's held-out identities.
        normalise: to be applied to views in [0, 1].
        folder: the run's.
        rows: of metrics, the last of this epoch as far as it is known.
        log_figure: takes a name and a PNG file's content to the run's loggers; without any it does nothing.
    """

    epoch: int
    config: Config
    model: SeqJEPA
    held_out: Images | SceneViews
    normalise: Normalisation
    folder: Path
    rows: Sequence[Mapping[str, float]]
    log_figure: Callable[[str, bytes], None]


Callback = Callable[[EpochEnd], Mapping[str, float] | None]


def join_metrics(
    row: dict[str, Any], callbacks: Sequence[Callback], state: EpochEnd
) -> InputError | OutOfMemory | WriteFailed | None:
    """Let every callback add its metrics to the epoch's row; the first failure, if any, to be raised when it is saved.

    Args:
        row: of the epoch, which is added to.
        callbacks: functions that return metrics by name, or nothing.
        state: what they see.
    """
    failed: InputError | OutOfMemory | WriteFailed | None = None
    for callback in callbacks:
        name = getattr(callback, "__name__", type(callback).__name__)
        try:
            with foreign_code(f"callback {name}"):
                row |= _metrics(callback(state), name, row)
        except (InputError, OutOfMemory, WriteFailed) as error:
            failed = failed or _told(error, name, state)
    return failed


def _metrics(found: object, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise InputError(f"callback {name} returned {briefly(found)}, not metrics by name, as in {{'mine': 0.5}}")
    for key in found:
        if not isinstance(key, str) or not 0 < len(key) <= NAME_LETTERS or not key.isprintable():
            raise InputError(f"callback {name} returned {briefly(key)}, which is no name of a metric")
        if key in row:
            raise InputError(f"callback {name} returned {key!r}, a metric that the epoch has already")
    return dict(found)


def _told(error: Exception, name: str, state: EpochEnd) -> InputError | OutOfMemory | WriteFailed:
    said = str(error) if str(error).startswith(f"callback {name}") else f"callback {name}: {error}"
    kind = next(kind for kind in (OutOfMemory, WriteFailed, InputError) if isinstance(error, kind))
    if kind is WriteFailed:  # what to do is told with it
        return kind(said)
    return kind(f"{said}; epoch {state.epoch} is saved without its metrics, go on: seqjepa resume {state.folder}")
