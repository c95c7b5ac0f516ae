"""A model card, made from the run: what it was trained on and how, what was found, what it is not for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqjepa.diagnostics import Diagnosis
from seqjepa.io.markup import markdown_table
from seqjepa.io.untrusted import parse_yaml
from seqjepa.report import RunRecord
from seqjepa.report.summary import headline
from seqjepa.training.progress import COLUMNS
from seqjepa.workflows.citing import bibtex

SHOWN = ("explained_variance", "sensitivity", "orbit_share", "shared_variance", "overlap", "action", "class_probe")
FACTORS = ("rotation", "translate_x", "translate_y", "scale")
FRONT = """---
library_name: seqjepa
pipeline_tag: image-feature-extraction
tags: [seq-jepa, self-supervised, world-model, equivariance]
---
"""
USE = """```python
import seqjepa as sj

encoder = sj.from_pretrained("FOLDER")  # images in [0, 1], ({shape}) -> representations (B, D)
found = sj.diagnose_encoder(encoder, "IMAGES")  # where each transformation lives in it
```
"""
LIMITS = (
    "It was trained on images of one kind, under the transformations above and within their ranges. Nothing is known "
    "of other images, of other transformations, or of the same ones beyond these ranges.",
    "What was found holds for the images that it was measured on. Intervals cover which images were tested, not "
    "which seed or which training images were drawn.",
    "It makes representations. It was not trained to decide anything about anybody, and was not tested for that.",
)


def model_card(
    metadata: Mapping[str, Any], rows: Sequence[Mapping[str, float]], record: RunRecord | None, environment: str
) -> str:
    """The card as Markdown, with the hub's front matter.

    Args:
        metadata: what the weights' file says of itself: config, mean, std, image_shape.
        rows: of metrics.csv.
        record: of the run's diagnosis; None where it has none.
        environment: the run's environment.yaml, or "".
    """
    config, shape = metadata["config"], metadata["image_shape"]
    parts = [
        FRONT,
        f"# {config['name']}\n",
        "A [seq-JEPA](https://arxiv.org/abs/2505.03176) encoder, trained and diagnosed with seqjepa.\n",
        "## Use\n",
        USE.replace("{shape}", ", ".join(["B", *map(str, shape)])),
        "## Data and recipe\n",
        markdown_table(["", ""], _recipe(config, environment), texts=2),
    ]
    if rows:
        parts += ["Last epoch, on held-out images:\n", markdown_table(*_last(rows[-1]), texts=0)]
    parts += ["## Where each factor lives\n", *_found(record.diagnosis if record else None)]
    parts += ["## Limits\n", *(f"* {line}" for line in LIMITS), "", "## Cite\n", f"```\n{bibtex()}```\n"]
    return "\n".join(parts)


def _recipe(config: Mapping[str, Any], environment: str) -> list[list[str]]:
    images, model, optimiser = (config[section] for section in ("images", "model", "optimiser"))
    moved = {name: config["factors"].get(name) for name in FACTORS}
    ranges = ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in ((n, r) for n, r in moved.items() if r))
    recorded = parse_yaml(environment, "environment.yaml")
    known = recorded if isinstance(recorded, dict) else {}
    packages = known.get("packages") or {}
    return [
        ["images", f"{images['source']}, {images['train'] or 'all'} for training"],
        ["transformations", f"{ranges}; {config['factors']['views']} views a sequence"],
        ["model", f"{model['encoder']}, width {model['width']}, {model['aggregator']}, teacher {model['teacher']}"],
        ["training", f"{config['epochs']} epochs of batches of {config['batch_size']}, {optimiser['name']}, "
         f"learning rate {optimiser['learning_rate']:g}, seed {config['seed']}"],
        ["made with", f"seqjepa {packages.get('seqjepa')}, PyTorch {packages.get('torch')}, {known.get('commit')}"],
    ]  # fmt: skip


def _last(row: Mapping[str, float]) -> tuple[list[str], list[list[str]]]:
    shown = {title: form.format(row[name]) for name, (title, form) in COLUMNS.items() if name in row}
    return list(shown), [list(shown.values())]


def _found(diagnosis: Diagnosis | None) -> list[str]:
    if diagnosis is None:
        return ["Not diagnosed.\n"]
    metrics = [name for name in SHOWN if name in diagnosis.estimates]
    tested = "" if diagnosis.split is None else f", {len(diagnosis.split.test)} of them for the test"
    return [
        *(f"* {line}" for line in headline(diagnosis)),
        "",
        f"Over {diagnosis.metadata.get('identities')} images{tested}. Brackets: 95 % "
        "intervals over test images; null: what there would be without structure; ideal: what a disentangled "
        "representation would get, after / a linear-equivariant one.\n",
        diagnosis.to_markdown(metrics),
    ]
