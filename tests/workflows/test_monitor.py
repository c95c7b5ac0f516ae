"""The light diagnosis inside training."""

import csv

import pytest
import torch
from safetensors.torch import load_file

from seqjepa.recipes import change
from seqjepa.sweeps import Sweeps
from seqjepa.training import resume, train
from seqjepa.types import InputError
from seqjepa.workflows.logged_figures import LoggedFigures
from seqjepa.workflows.monitor import SubspaceMonitor
from tests.ground_truths import FACTORS, additive, orthogonal

MONITOR = SubspaceMonitor(identities=24, steps=5)


def swept(f):
    return Sweeps.from_function(f, FACTORS, 40, steps=9, base_poses=2, joint=0)


def test_the_estimates_of_a_representation_that_is_known(tmp_path):
    """S1: x, y and scale fill a direction each, rotation two, around shifted poses as well."""
    row = MONITOR.estimates(swept(additive(40)), tmp_path, 5)
    assert row["subspace_ev_x_1"] == pytest.approx(1)
    assert row["subspace_ev_y_1"] == pytest.approx(1)
    assert row["dimension_translate_x"] == 1
    assert row["dimension_rotation"] == 2
    assert not any(name.startswith("stability") for name in row)
    kept = load_file(tmp_path / "epoch-00005.safetensors")
    assert kept["held_out/translate_y"][0] == pytest.approx(1)


def test_stability_is_one_for_the_same_and_small_after_a_random_turn(tmp_path):
    plain, q = additive(40), orthogonal(17, 3)
    MONITOR.estimates(swept(plain), tmp_path, 5)
    same = MONITOR.estimates(swept(plain), tmp_path, 10)
    assert same["stability_rotation"] == pytest.approx(1)
    assert same["stability_scale"] == pytest.approx(1)
    turned = MONITOR.estimates(swept(lambda who, pose: plain(who, pose) @ q), tmp_path, 15)
    assert turned["stability_translate_x"] < 0.6
    again = MONITOR.estimates(swept(plain), tmp_path, 10)  # an epoch done again looks at the one before it
    assert again == same


def test_a_factor_without_effect_has_no_estimates(tmp_path):
    row = MONITOR.estimates(swept(lambda who, pose: torch.stack([who.double(), pose[:, 3]], 1)), tmp_path, 1)
    assert "subspace_ev_scale_1" in row
    assert "subspace_ev_rot_2" not in row


def test_a_run_logs_them_and_is_left_as_it_was(tiny, tmp_path):
    config = change(tiny, epochs=4)
    plain = train(change(config, evaluate_every=2), tmp_path / "plain")
    watched = train(config, tmp_path / "watched", [MONITOR])
    rows = list(csv.DictReader((tmp_path / "watched" / "metrics.csv").read_text().splitlines()))
    assert rows[0]["subspace_ev_rot_2"] == ""
    assert 0 < float(rows[1]["subspace_ev_rot_2"]) <= 1
    assert rows[1]["stability_rotation"] == ""
    assert 0 <= float(rows[3]["stability_rotation"]) <= 1
    assert [row["loss"] for row in plain.rows] == [row["loss"] for row in watched.rows]
    assert sorted(p.name for p in (tmp_path / "watched" / "subspaces").iterdir()) == [
        "epoch-00002.safetensors",
        "epoch-00004.safetensors",
    ]


def test_a_resumed_run_has_the_same_stability(tiny, tmp_path):
    config = change(tiny, epochs=4, evaluate_every=1)
    whole = train(config, tmp_path / "whole", [MONITOR])

    def stops(state):
        if state.epoch == 3:
            raise KeyboardInterrupt
        return {}

    train(config, tmp_path / "stopped", [MONITOR, stops])
    assert resume(tmp_path / "stopped", [MONITOR]).rows == whole.rows


@pytest.mark.parametrize("callback", [MONITOR, LoggedFigures(MONITOR)])
def test_too_few_held_out_images_are_refused_before_training(tiny, tmp_path, callback):
    with pytest.raises(InputError, match=r"images\.test: 3 held-out images; 4 are the least"):
        train(change(tiny, images=dict(test=3)), tmp_path / "run", [callback])
    assert not (tmp_path / "run").exists()
    result = train(change(tiny, epochs=1, images=dict(test=4)), tmp_path / "run", [MONITOR])
    assert "dimension_rotation" in result.rows[-1]
