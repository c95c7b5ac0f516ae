"""The registry says everything of every metric, and of no other."""

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics import METRICS, metrics_markdown, metrics_table
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.context import Context
from tests.ground_truths import FACTORS, additive


@pytest.fixture(scope="module")
def context():
    sweeps = sj.Sweeps.from_function(additive(24), FACTORS, 24, torch.arange(24) % 2, steps=9, base_poses=2, joint=4)
    return Context.of(sweeps, 0, ("linear",))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_computes_its_own_entries_and_keys_them_as_they_say(context, block):
    found = BLOCKS[block](context)
    assert set(found) == {name for name, metric in METRICS.items() if metric.block == block}
    for name, estimates in found.items():
        lengths = {1 if isinstance(key, str) else len(key) for key in estimates}
        assert lengths == {len(METRICS[name].of)}
        for key, estimate in estimates.items():
            low, high = METRICS[name].low, METRICS[name].high
            if estimate.value is not None:
                assert low is None or estimate.value >= low - 0.05, key
                assert high is None or estimate.value <= high + 1e-9, key


@pytest.mark.parametrize("name", METRICS)
def test_every_entry_is_whole(name):
    metric = METRICS[name]
    assert metric.question
    assert metric.definition
    assert metric.unit
    assert metric.ideal
    # What is left, or an aggregate, may be read worse than by its mean: an R² far below 0.
    assert metric.range or name in ("r2_lost", "aggregation_gap")
    assert metric.block in BLOCKS
    assert metric.compute is None


def test_tables_name_every_metric():
    listed, markdown = metrics_table(), metrics_markdown()
    rows = markdown.splitlines()
    assert len(rows) == 2 + len(METRICS)
    assert {row.replace("\\|", "").count("|") for row in rows} == {8}
    for name, metric in METRICS.items():
        assert any(line.split()[:2] == [name, metric.block] for line in listed.splitlines())
        assert any(row.startswith(f"| `{name}` |") and metric.definition in row for row in rows)
