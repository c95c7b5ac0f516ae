"""The metrics of a diagnosis, one entry each: tables, ``seqjepa list metrics``, pages and docs are made from it.

What is said of a metric stands in ``diagnostics/entries``. How it is computed stands in the block that it names
(``diagnostics/blocks``), its mathematics in ``diagnostics/measures``. A metric of one's own is an entry with a
function; see ``diagnose``.
"""

from __future__ import annotations

from seqjepa.diagnostics.entries import condition, group_action, movement, probing, scores, sequences, sharing
from seqjepa.diagnostics.metric import Metric

_FAMILIES = (movement, sharing, group_action, probing, sequences, condition, scores)  # in the order of tables and pages
METRICS: dict[str, Metric] = {entry.name: entry for family in _FAMILIES for entry in family.ENTRIES}
