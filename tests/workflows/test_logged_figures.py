"""Figures in the loggers: real files of both, read back."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqjepa.cli import app as cli
from seqjepa.recipes import change
from seqjepa.training import train
from seqjepa.training.callbacks import EpochEnd
from seqjepa.workflows.logged_figures import DRAWN, LoggedFigures
from seqjepa.workflows.monitor import SubspaceMonitor

MONITOR = SubspaceMonitor(identities=24, steps=5)
LOGGED = LoggedFigures(MONITOR)


def picture(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def test_tensorboard_and_wandb_get_every_figure(tiny, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    drawn = {}

    def also_kept(state):
        def log(name, png):
            drawn[state.epoch, name] = png
            state.log_figure(name, png)

        return LOGGED(EpochEnd(**{**vars(state), "log_figure": log}))

    config = change(tiny, evaluate_every=1, logging=dict(tensorboard=True, wandb=True))
    rows = train(config, tmp_path / "run", [also_kept]).rows
    assert set(drawn) == {(epoch, name) for epoch in (1, 2) for name in DRAWN}

    events = EventAccumulator(str(tmp_path / "run/tensorboard"), size_guidance={"images": 0}).Reload()
    assert set(events.Tags()["images"]) == set(DRAWN)
    for name in DRAWN:
        found = events.Images(name)
        assert [event.step for event in found] == [1, 2]
        expected = np.asarray(Image.open(io.BytesIO(drawn[2, name])).convert("RGB"))
        assert np.array_equal(picture(found[1].encoded_image_string), expected)
        assert expected.std() > 5  # something is drawn
    assert events.Scalars("subspace_ev_rot_2")[-1].value == pytest.approx(rows[-1]["subspace_ev_rot_2"])

    runs = list((tmp_path / "run/wandb").glob("offline-run-*/run-*.wandb"))
    assert len(runs) == 1
    media = list(runs[0].parent.glob("files/media/images/*.png"))
    assert len(media) == 2 * len(DRAWN)
    for name in DRAWN:
        mine = [picture(path.read_bytes()) for path in media if path.name.startswith(f"{name}_")]
        expected = [np.asarray(Image.open(io.BytesIO(drawn[e, name])).convert("RGB")) for e in (1, 2)]
        assert len(mine) == 2
        assert all(any(np.array_equal(image, other) for other in mine) for image in expected)
    records = history(runs[0])
    assert [record["epoch"] for record in records] == [1, 2]  # figures join the epoch's row
    for record in records:
        assert {name for name in DRAWN if record[f"{name}/_type"] == "image-file"} == set(DRAWN)


def history(path):
    """The rows of an offline run's file: LevelDB's log format after seven bytes, a protocol buffer in each record."""
    from wandb.proto import wandb_internal_pb2

    content, at, whole, rows = path.read_bytes(), 7, b"", []
    while at + 7 < len(content):
        if (left := 32768 - at % 32768) < 7:  # a block's end is padded
            at += left
            continue
        size, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        whole, at = whole + content[at + 7 : at + 7 + size], at + 7 + size
        if kind in (1, 4):  # all of a record, or its last part
            record = wandb_internal_pb2.Record.FromString(whole)
            whole = b""
            if record.HasField("history"):
                rows.append({i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in record.history.item})
    return rows


def test_figures_leave_the_run_as_it_was(tiny, tmp_path):
    config = change(tiny, logging=dict(tensorboard=True))
    assert train(config, tmp_path / "drawn", [LOGGED]).rows == train(config, tmp_path / "plain", [MONITOR]).rows


def test_the_codes_are_swept_once_and_ranks_are_of_all_epochs(tiny, tmp_path, monkeypatch):
    from seqjepa.workflows import logged_figures

    swept, rows = [], []
    sweeps = SubspaceMonitor.sweeps
    monkeypatch.setattr(SubspaceMonitor, "sweeps", lambda self, state: swept.append(1) or sweeps(self, state))
    rank_monitor = lambda record: rows.append(record.rows) or DRAWN["rank_monitor"](record)  # noqa: E731
    monkeypatch.setattr(logged_figures, "DRAWN", {"rank_monitor": rank_monitor})
    result = train(change(tiny, evaluate_every=1), tmp_path / "run", [LOGGED])
    assert len(swept) == 2
    assert [len(of) for of in rows] == [1, 2]
    assert rows[1][1]["rank_eq_eff"] == result.rows[1]["rank_eq_eff"]


def test_few_held_out_images_have_no_figures_of_subspaces(tiny, tmp_path):
    few = LoggedFigures(SubspaceMonitor(identities=8, steps=5))
    with pytest.warns(UserWarning, match="8 held-out images; spectra, overlaps and orbits are drawn from 20 on"):
        train(change(tiny, epochs=1, logging=dict(tensorboard=True)), tmp_path / "run", [few])
    events = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    assert set(events.Tags()["images"]) == {"rank_monitor"}


@pytest.mark.parametrize("on", [True, False])
def test_the_command_draws_where_a_logger_takes_figures(tiny, tmp_path, on):
    config = change(tiny, epochs=1, logging=dict(tensorboard=on))
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    arguments = ["train", "--config", str(tmp_path / "config.yaml"), "--out", str(tmp_path / "run")]
    assert cli.main(arguments) == 0
    assert "subspace_ev_rot_2" in (tmp_path / "run/metrics.csv").read_text().partition("\n")[0].split(",")
    if on:
        events = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
        assert set(events.Tags()["images"]) == set(DRAWN)
    else:
        assert not (tmp_path / "run/tensorboard").exists()


def test_a_factor_that_is_not_there_has_no_trajectory(tmp_path):
    from seqjepa.diagnostics import diagnose
    from seqjepa.diagnostics.assembly import BLOCKS
    from seqjepa.report.orbits import true_orbits
    from seqjepa.sweeps import Sweeps
    from seqjepa.types import NotIdentifiable
    from tests.ground_truths import FACTORS, additive

    def drawn(f, only):
        sweeps = Sweeps.from_function(f, FACTORS, 24, steps=5, joint=0)
        others = [block for block in BLOCKS if block != "subspaces"]
        return true_orbits(diagnose(sweeps, skip=others, ideals=False), sweeps, only)

    figure = drawn(additive(24), "rotation")
    assert figure.axes[0].get_title().startswith("rotation:")
    assert len(figure.axes) == 2  # one, and its scale of colours
    with pytest.raises(NotIdentifiable, match="skew was not swept"):
        drawn(additive(24), "skew")
    with pytest.raises(NotIdentifiable, match="does not move"):
        drawn(lambda who, pose: torch.eye(24)[who].double(), "rotation")
