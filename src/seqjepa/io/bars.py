"""Where bars are shown: a terminal, or a notebook with or without widgets."""

from __future__ import annotations

import importlib.util
from typing import Any

from rich.console import Console


def bar_console(**options: Any) -> Console:
    """rich's console for bars and lines; ``options`` are its own.

    In a notebook rich draws by ipywidgets alone, and warns at every refresh where they are not installed: there it is
    told that this is no notebook, and a bar is a line of text that overwrites itself.
    """
    return Console(force_jupyter=None if importlib.util.find_spec("ipywidgets") else False, **options)
