"""A block, a probe or a metric that fails is left out, named with its reason, and the rest stands."""

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics import assembly
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.guard import OF_PROBES
from seqjepa.diagnostics.measures import leakage
from seqjepa.report.pages import page
from seqjepa.report.record import RunRecord, read_record
from seqjepa.types import OutOfMemory
from tests.ground_truths import FACTORS, additive

pytestmark = pytest.mark.left_out


def skipped(*asked):
    return [name for name in BLOCKS if name not in asked]


class Failure(Exception):
    """A fault injected."""


@pytest.fixture(scope="module")
def sweeps():
    return sj.Sweeps.from_function(additive(24), FACTORS, 24, steps=9, base_poses=2, joint=4)


@pytest.fixture(scope="module")
def whole(sweeps):
    return sj.diagnose(sweeps, skip=skipped("effects", "health"), ideals=False)


def failing(error):
    def fail(context):
        raise error("injected")

    return fail


@pytest.mark.parametrize("error", [Failure, AssertionError, MemoryError, SystemExit, OutOfMemory, sj.InputError])
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_that_fails_costs_itself_alone(sweeps, whole, monkeypatch, block, error):
    for name in BLOCKS:
        monkeypatch.setitem(BLOCKS, name, failing(error) if name == block else lambda context: {})
    other = "health" if block == "effects" else "effects"
    monkeypatch.setitem(BLOCKS, other, assembly.health_estimates if other == "health" else assembly.effect_estimates)
    found = sj.diagnose(sweeps, ideals=False)
    assert list(found.metadata["left_out"]) == [f"block {block}"]
    assert "injected" in found.metadata["left_out"][f"block {block}"]
    metric = "health" if other == "health" else "sensitivity"
    assert {key: e.value for key, e in found[metric].items()} == {key: e.value for key, e in whole[metric].items()}


def test_it_is_named_in_table_file_page_and_errors(sweeps, monkeypatch, tmp_path, caplog):
    monkeypatch.setitem(BLOCKS, "health", failing(Failure))
    found = sj.diagnose(sweeps, skip=skipped("effects", "health"), ideals=False)
    line = "left out: block health: block health raised Failure: injected"
    for text in (found.table(), found.table(details=True), caplog.text):
        assert line in text
    found.save(tmp_path / "diagnosis.json")
    loaded = sj.Diagnosis.load(tmp_path / "diagnosis.json")
    assert loaded == found
    assert line in loaded.table()
    assert "block health raised Failure: injected" in page(RunRecord(loaded))
    with pytest.raises(sj.InputError, match=r"'health' is not one of .*block health raised Failure: injected"):
        loaded["health"]


def test_of_a_baseline_too(sweeps, monkeypatch):
    monkeypatch.setitem(BLOCKS, "health", failing(Failure))
    found = sj.diagnose(sweeps, {"other": sweeps}, skip=skipped("effects", "health"), ideals=False)
    assert "left out: block health, of other: block health raised Failure: injected" in found.table()


def test_ideals_of_a_block_that_fails_are_left_out(sweeps, monkeypatch):
    calls = iter([assembly.effect_estimates])  # the encoder's own representations, then the known ones
    monkeypatch.setitem(BLOCKS, "effects", lambda context: next(calls)(context))
    found = sj.diagnose(sweeps, skip=skipped("effects"))
    assert set(found.metadata["left_out"]) == {"ideals of block effects"}
    assert not any(e.ideals for e in found["sensitivity"].values())
    assert "left out: ideals of block effects" in found.table()


@pytest.mark.parametrize("block", OF_PROBES)
def test_a_probe_that_fails_costs_itself_alone(sweeps, monkeypatch, block):
    def ask(context):
        if "mlp" in context.probes:
            raise Failure("injected")
        return BLOCK(context)

    BLOCK = BLOCKS[block]
    alone = sj.diagnose(sweeps, skip=skipped(block), ideals=False)
    monkeypatch.setitem(BLOCKS, block, ask)
    found = sj.diagnose(sweeps, probes=["linear", "mlp"], skip=skipped(block), ideals=False)
    assert set(found.metadata["left_out"]) == {f"block {block}, mlp probes"}
    assert found.estimates == alone.estimates


def test_the_reason_is_the_probes_own(sweeps, monkeypatch):
    right = leakage.probe_values

    def values(probe_name, *args, **options):
        if probe_name == "linear":
            raise ValueError("SVD did not converge")
        return right(probe_name, *args, **options)

    monkeypatch.setattr(leakage, "probe_values", values)
    found = sj.diagnose(sweeps, probes=["linear", "knn"], skip=skipped("leakage"), ideals=False)
    assert "SVD did not converge" in found.metadata["left_out"]["block leakage, linear probes"]
    assert {key[2] for key in found["leakage"]} == {"knn"}
    assert "r2_lost" not in found.estimates  # it is of linear probes


def test_ctrl_c_is_the_users(sweeps, monkeypatch):
    monkeypatch.setitem(BLOCKS, "health", failing(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        sj.diagnose(sweeps, skip=skipped("health"), ideals=False)


DEGENERATE = {
    "one dimension, on the full circle": lambda z: z.mean(-1, keepdim=True),
    "one dimension of several": lambda z: z.mean(-1, keepdim=True).expand(*z.shape[:-1], 5),
    "constant": lambda z: z * 0 + 3,
    "constant up to rounding": lambda z: 3 + 1e-7 * z,
    "two values": lambda z: (z.mean(-1, keepdim=True) > 0).to(z).expand(*z.shape[:-1], 4),
    "a dimension that is dead": lambda z: z * (torch.arange(z.shape[-1]) > 0),
}


@pytest.mark.parametrize("of", DEGENERATE)
def test_representations_that_have_collapsed_are_diagnosed_saved_and_shown(of, tmp_path):
    code = additive(24)
    circle = (FACTORS[0],)
    sweeps = sj.Sweeps.from_function(
        lambda *given: DEGENERATE[of](code(*given)), circle, 24, torch.arange(24) % 3, steps=5, base_poses=2
    )
    found = sj.diagnose(sweeps, {"itself": sweeps}, skip=["literature"], ideals=False)
    assert "left_out" not in found.metadata
    assert "left_out" not in found.baselines["itself"].metadata
    found.save(tmp_path / "diagnosis.json")
    sweeps.save(tmp_path / "sweeps.safetensors")
    record = read_record(tmp_path)
    assert record.diagnosis == found
    assert "in words" in found.table()
    assert " raised " not in page(record)
