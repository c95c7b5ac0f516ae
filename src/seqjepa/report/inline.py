"""The report's slider alone, for a notebook: move an image, watch its representation."""

from __future__ import annotations

import html
from dataclasses import dataclass

from seqjepa.diagnostics import Diagnosis
from seqjepa.report.entries import title_of
from seqjepa.report.explorer import explorer_data, script_json
from seqjepa.report.html import environment
from seqjepa.sweeps import Sweeps

HEIGHT = 480  # pixels


@dataclass(frozen=True)
class Explorer:
    """What ``explore`` gives: a notebook shows it; ``page`` is the HTML file that it holds."""

    page: str

    def _repr_html_(self) -> str:
        """A frame of its own, so that neither the notebook's style nor another explorer gets in the way."""
        style = f"width: 100%; height: {HEIGHT}px; border: 0"
        return f'<iframe title="explorer" style="{style}" srcdoc="{html.escape(self.page)}"></iframe>'


def explore(diagnosis: Diagnosis, sweeps: Sweeps) -> Explorer:
    """A slider that moves an image by a factor and its representation along its orbit, for a notebook.

    Args:
        diagnosis: with its split and subspaces.
        sweeps: that it was made of, with images and poses.

    Raises:
        NotIdentifiable: images, poses or the split are not known, or no factor moves the representation.
    """
    data = explorer_data(diagnosis, sweeps)
    made = environment().get_template("inline.html.j2")
    return Explorer(made.render(title=title_of(diagnosis), explorer=data, explorer_json=script_json(data)))
