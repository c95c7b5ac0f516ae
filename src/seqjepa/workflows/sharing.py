"""A trained model as a folder in the hub's layout: weights, configuration, and a card made from the run.

Nothing is sent anywhere: the folder is what ``huggingface_hub.upload_folder`` takes, and ``snapshot_download`` gives.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import seqjepa
from seqjepa.io.files import make_folder, read_rows, write_atomic
from seqjepa.io.untrusted import parse_json, read_text
from seqjepa.report import read_record
from seqjepa.training.checkpoint import read_tensors, write_tensors
from seqjepa.training.saved import MODEL_FILE, SavedEncoder, load_encoder, model_file
from seqjepa.types import InputError
from seqjepa.types.checking import user_path
from seqjepa.workflows.card import model_card

CONFIG_FILE, CARD_FILE = "config.json", "README.md"


def save_pretrained(run: str | Path, folder: str | Path) -> Path:
    """Write a trained run as model.safetensors, config.json and a model card; gives back the folder.

    The card says how the model was trained and on what, what its diagnosis found, with intervals, and what it is not
    for. Paths of this machine are left out of all three files. The teacher and the probes are not taken along.

    Args:
        run: a run's folder, diagnosed if the card is to hold estimates.
        folder: new, or one whose three files are replaced.

    Raises:
        InputError: no such run, or a folder that cannot be written to.
    """
    source, home = user_path(run), make_folder(user_path(folder, "folder"))
    file = model_file(source)
    tensors, metadata = read_tensors(file)
    metadata = {**metadata, "config": _without_paths(metadata.get("config"), file)}
    record = read_record(source) if (source / "diagnosis").is_dir() else None
    environment = source / "environment.yaml"
    card = model_card(metadata, _rows(source), record, read_text(environment) if environment.is_file() else "")
    write_tensors(home / MODEL_FILE, tensors, metadata)
    described = {"model_type": "seqjepa", "library_version": seqjepa.__version__, **metadata}
    write_atomic(home / CONFIG_FILE, json.dumps(described, indent=2) + "\n")
    write_atomic(home / CARD_FILE, card)
    return home


def from_pretrained(folder: str | Path, *, trust: bool = False) -> SavedEncoder:
    """The encoder of a folder that ``save_pretrained`` wrote: images in [0, 1] to representations, in eval mode.

    Args:
        folder: on this machine; nothing is downloaded.
        trust: that code which it names (an encoder of one's own) may be imported and run.

    Raises:
        InputError: no such folder; a file that is missing or damaged; a config.json that is not of these weights.
    """
    home = user_path(folder, "folder")
    if not home.is_dir():
        raise InputError(
            f"{folder}: no such folder, and nothing is downloaded; huggingface_hub.snapshot_download({str(folder)!r}) "
            "gives the folder of a model on the hub"
        )
    for needed in (MODEL_FILE, CONFIG_FILE):
        if not (home / needed).is_file():
            raise InputError(f"{home}: no {needed} in it; save_pretrained writes one")
    told = parse_json(read_text(home / CONFIG_FILE))
    inside = read_tensors(home / MODEL_FILE)[1]
    if not isinstance(told, dict) or told.get("config") != inside.get("config"):
        raise InputError(f"{home}: {CONFIG_FILE} is not of the weights in {MODEL_FILE}")
    return load_encoder(home / MODEL_FILE, trust=trust)


def _rows(run: Path) -> list[dict[str, float]]:
    metrics = run / "metrics.csv"
    return read_rows(metrics) if metrics.is_file() else []


def _without_paths(config: Any, file: Path) -> dict[str, Any]:
    """The configuration without folders of this machine: of images of one's own only the last name stays."""
    if not isinstance(config, dict) or not isinstance(config.get("images"), dict):
        raise InputError(f"{file}: not a model of seqjepa")
    images = dict(config["images"])
    kind, colon, path = str(images.get("source", "")).partition(":")
    images |= {"root": None, "source": f"{kind}{colon}{Path(path).name}" if colon else kind}
    return {**config, "images": images}
