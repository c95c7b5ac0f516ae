"""Is the class read from one view at a random pose, by probes trained on many images?"""

from __future__ import annotations

import torch

from seqjepa.diagnostics.blocks.leakage import CLASS_NULL
from seqjepa.diagnostics.context import Context, from_ratio, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.leakage import class_null
from seqjepa.diagnostics.measures.probes import probe_classes
from seqjepa.diagnostics.views import reads
from seqjepa.types import NotIdentifiable


@reads("probe set")
def class_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """The class read from frozen representations of many images at one random pose each, tested on held-out ones."""
    probe = context.sweeps.probe
    probes = context.probes_but("mlp")
    if probe is None:
        missing = NotIdentifiable("there is no probe set for a class probe; see probe_images of represent")
        return {"class_probe": {probe_name: unanswered(missing) for probe_name in probes}}
    if len(probe.train_labels.unique()) < 2:
        missing = NotIdentifiable("the images have no labels, or all the same")
        return {"class_probe": {probe_name: unanswered(missing) for probe_name in probes}}
    rows = context.probe_set_split()
    codes, labels = torch.cat([probe.train[:, 0], probe.test[:, 0]]), torch.cat([probe.train_labels, probe.test_labels])
    estimates: dict[Key, Estimate] = {}
    for probe_name in probes:
        read = probe_classes(probe_name, codes, labels, rows, context.seed)
        right, null = (read == probe.test_labels).double(), class_null(read[:, None], probe.test_labels, context.seed)
        details = {"trained on": len(probe.train), "tested on": len(probe.test)}
        estimates[probe_name] = from_ratio(Ratio(right, torch.ones_like(right)), null, CLASS_NULL, details)
    return {"class_probe": estimates}
