"""The plan is what is done, and a budget is kept."""

import math
import re
import time

import pytest
from torch import nn

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.extraction import planned as extraction
from seqjepa.extraction.batching import Measured
from seqjepa.extraction.plan import Plan, duration, size
from seqjepa.types import InputError
from seqjepa.workflows import baselines, diagnosing, planning
from seqjepa.workflows.diagnosing import diagnose_encoder
from seqjepa.workflows.planning import FEWEST, LADDER, Budget, fitted, read_budget
from seqjepa.workflows.sweeping import Sweeping
from tests.extraction.test_scenes import Ball, brightness
from tests.workflows.small import TURNS, network
from tests.workflows.test_saved_as_it_comes import SKIPPED

SMALL = dict(identities=24, steps=5, base_poses=2, probe_images=0, skip=SKIPPED, progress=False, baselines=())


def asked(images, **options):
    given = dict(
        factors=sj.affine_factors(rotation=(-180, 180), translate_x=(-4, 4)),
        test=images[1],
        train=images[0],
        layers=(),
        pick=None,
        pool="mean",
        preprocess="auto",
        identities=30,
        steps=25,
        base_poses=5,
        probe_images=100,
        border="zeros",
        circular_mask=False,
        seed=0,
        device="auto",
        progress=False,
    )
    return Sweeping(**given | options)


def plan_of(sweeping, seconds=0.1, dims=None, peak_bytes=0):
    return Plan(sweeping.views_by_kind(), 0, dims or {"z": 100}, Measured(16, seconds, peak_bytes))


@pytest.mark.parametrize("options", [{}, dict(base_poses=1), dict(steps=4), dict(probe_images=7), dict(train=None)])
@pytest.mark.parametrize("single", [True, False])
def test_views_are_counted_as_they_are_encoded(images, options, single):
    more = dict(factors=sj.affine_factors(rotation=(-30, 30))) if single else {}
    sweeping = asked(images, **dict(steps=3, identities=5) | more | options)
    seen = []

    def encoder(x):
        seen.append(len(x))
        return x.flatten(1)[:, :3]

    plan = sweeping.plan(encoder)
    assert dict(plan.design) == sweeping.views_by_kind()
    seen.clear()
    sweeping = asked(images, **dict(steps=3, identities=5) | more | options, batch_size=64)
    sweeping.sweeps(encoder)
    assert sum(seen) == plan.views + 3 * 10  # the encoder's check


def test_views_of_a_scene_are_counted_as_they_are_encoded(images):
    scene = dict(factors=None, test=Ball(), train=Ball(), preprocess=None)
    sweeping = asked(images, **scene, steps=3, identities=5, probe_images=7, batch_size=64)
    seen = []

    def encoder(x):
        seen.append(len(x))
        return x.flatten(1)

    plan = sweeping.plan(encoder)
    assert dict(plan.design) == sweeping.views_by_kind()
    seen.clear()
    sweeping.sweeps(encoder)
    assert sum(seen) == plan.views  # checked when it was planned, and not again


@pytest.mark.parametrize(
    ("skip", "fewer"),
    [
        ((), ()),
        (("group", "irreps", "retrieval"), ("group",)),
        (("group", "classes", "actions"), ("group", "probes")),
        ([name for name in BLOCKS if name not in ("effects", "irreps")], ("group", "probes", "joint")),
    ],
)
def test_what_no_block_reads_is_not_encoded(images, caplog, skip, fewer):
    seen, ready = [], []

    def encoder(x):
        if any(line.startswith("the plan: ") for line in caplog.messages):
            seen.append(len(x))
        return x.flatten(1)[:, ::40]

    factors = {"rotation": (-90, 90), "translate_x": (-3, 3), "translate_y": (0, 0), "scale": (1, 1)}
    few = (images[0][:50], images[1][:40])
    options = dict(identities=20, steps=3, base_poses=1, probe_images=30, batch_size=64, baselines=(), progress=False)
    with pytest.MonkeyPatch.context() as patched, caplog.at_level("INFO", "seqjepa"):
        patched.setattr(diagnosing, "diagnosed_beside", lambda swept, *rest: ready.append(swept["z"]) or {})
        diagnose_encoder(encoder, few, factors, skip=skip, **options)
    (swept,) = ready
    views = {"isolated": 20 * (3 + 3), "group": 20 * (3 + 3), "joint": 20 * 20, "probes": 2 * (30 + 30)}
    wanted = sum(count for kind, count in views.items() if kind not in fewer)
    assert bool(swept.group_values) == ("group" not in fewer)
    assert (swept.probe is not None) == ("probes" not in fewer)
    assert bool(swept.joint.numel()) == ("joint" not in fewer)
    assert sum(seen) == wanted
    assert caplog.text.count("the representation is") <= 1
    assert f"the plan: {wanted:,} views" in caplog.text
    assert any(line.startswith("not encoded, since no block") for line in caplog.messages) == bool(fewer)


def test_estimates_do_not_hang_on_what_is_skipped(images):
    factors = {"rotation": (-90, 90), "translate_x": (0, 0), "translate_y": (0, 0), "scale": (0.5, 1)}
    every = [name for name in BLOCKS if name not in ("effects", "retrieval")]
    options = SMALL | dict(identities=20, steps=5, base_poses=1)
    fewer, more = (
        diagnose_encoder(network(), images, factors, **options | {"skip": skip})["z"]
        for skip in ([*every, "retrieval"], [name for name in every if name != "group"])
    )
    assert fewer.metadata["taps"] == more.metadata["taps"]
    assert fewer["sensitivity"] == more["sensitivity"]


def test_a_budget_of_a_scene_and_what_it_renders_is_not_kept(images, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(planning, "KEPT_FROM", 0.0)
    monkeypatch.setattr(extraction, "measured", lambda *given: Measured(64, 0.001, 0))

    scene = sj.picture_scene(images[1][:100], [sj.Factor("brightness", 0.5, 1.0)], brightness)
    options = SMALL | dict(identities=100, budget="1s", cache=tmp_path / "kept", preprocess=None)
    with caplog.at_level("INFO", "seqjepa"):
        found = diagnose_encoder(lambda x: x.flatten(1)[:, ::40], scene, None, **options)["z"]
    assert FEWEST <= found.metadata["identities"] < 100
    assert "nothing is kept, since what a scene renders has no key" in caplog.text
    assert not (tmp_path / "kept").exists()


def test_a_killed_command_goes_on_with_the_design_that_its_budget_chose(images, tmp_path, monkeypatch, caplog):
    """The machine is busier the second time; what the first process encoded is none the less of use."""
    monkeypatch.setattr(planning, "KEPT_FROM", 0.0)
    options = SMALL | dict(identities=200, budget="1s", cache=tmp_path / "kept", batch_size=64)
    seen = []

    def killed_after(views):
        net, seen[:] = network(), []

        def encode(module, inputs, output):
            seen.append(len(output))
            if sum(seen) > views:
                raise KeyboardInterrupt

        net.register_forward_hook(encode)
        return net

    def diagnosed(seconds, views, cache=tmp_path / "kept"):
        monkeypatch.setattr(extraction, "measured", lambda *given: Measured(64, seconds, 0))
        with caplog.at_level("INFO", "seqjepa"):
            return diagnose_encoder(killed_after(views), images, TURNS, **options | {"cache": cache})["z"]

    with pytest.raises(KeyboardInterrupt):
        diagnosed(0.001, 500)
    resumed = diagnosed(0.0013, math.inf)
    encoded = sum(seen)
    whole = diagnosed(0.001, math.inf, tmp_path / "elsewhere")
    assert encoded < sum(seen)
    assert "as it chose before" in caplog.text
    assert "on the disk already" in caplog.text
    assert resumed.metadata["identities"] == whole.metadata["identities"] < 200
    assert resumed.estimates == whole.estimates
    (note,) = (tmp_path / "kept").glob("design-*.json")
    note.write_text('{"identities": 10000, "steps": 5, "base_poses": 2, "probe_images": 0}')
    with pytest.raises(InputError, match="can have chosen; remove it"):
        diagnosed(0.001, math.inf)


def test_baselines_are_prepared_once_and_swept_as_the_budget_chose(images, monkeypatch):
    monkeypatch.setattr(extraction, "measured", lambda *given: Measured(64, 0.001, 0))
    prepared = []
    drawn = baselines.untrained
    monkeypatch.setattr(baselines, "untrained", lambda *given: prepared.append(given) or drawn(*given))
    options = SMALL | dict(identities=200, steps=9, base_poses=1, budget="2s", baselines=("untrained",))
    found = diagnose_encoder(network(), images, TURNS, **options)["z"]
    assert len(prepared) == 1
    assert found.baselines["untrained"].metadata["identities"] == found.metadata["identities"] < 200


def test_time_memory_and_disk_are_about_what_they_turn_out_to_be(images):
    def slow(x):
        time.sleep(0.01 * len(x))
        return x.flatten(1)[:, :50]

    sweeping = asked(images, identities=5, steps=5, base_poses=2, probe_images=0)
    plan = sweeping.plan(slow)
    began = time.perf_counter()
    found = sweeping.sweeps(slow)["z"]
    took = time.perf_counter() - began
    assert plan.seconds / 3 < took < 3 * plan.seconds + 3
    kept = [*found.values.values(), *found.group_values.values(), found.joint]
    assert plan.codes_bytes == sum(z.numel() * z.element_size() for z in kept)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("90s", Budget(seconds=90)),
        ("10min", Budget(seconds=600)),
        ("1.5 h", Budget(seconds=5400)),
        ("4GiB", Budget(bytes=2**32)),
        (["500MB", "2h"], Budget(seconds=7200, bytes=5 * 10**8)),
    ],
)
def test_budgets_are_read(text, budget):
    assert read_budget(text) == budget


@pytest.mark.parametrize("text", ["", "10", "ten min", "10 minutes", "-3min", "0s", "4GiB!", ["1h", "2min"], "1e9h"])
def test_other_budgets_are_refused(text):
    with pytest.raises(InputError, match="budget"):
        read_budget(text)


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("minutes", [2, 5, 20, 60, 600, 10**4])
def test_a_budget_of_time_is_kept_and_used(images, passes, minutes):
    sweeping = asked(images, identities=400)
    plan = plan_of(sweeping)
    try:
        found = fitted(sweeping, plan, passes, Budget(seconds=60 * minutes))
    except InputError:
        least = asked(images, identities=FEWEST, probe_images=0, steps=LADDER[-1][0], base_poses=LADDER[-1][1])
        assert passes * plan_of(least).seconds > 60 * minutes
        return
    spent = passes * plan_of(found).seconds
    assert spent <= 60 * minutes
    one_more = sum(found.views_by_kind()[kind] for kind in ("sweeps", "joint")) / found.identities
    assert found == sweeping or spent + passes * 0.1 * (one_more + 4) > 60 * minutes or found.identities == 400
    assert (found.identities, found.steps, found.base_poses) <= (400, 25, 5)
    if passes * plan.seconds <= 60 * minutes:
        assert found == sweeping


def test_a_budget_of_memory_is_kept(images):
    sweeping = asked(images, identities=400)
    plan = plan_of(sweeping, dims={"a": 3000, "b": 1000}, peak_bytes=10**8)
    found = fitted(sweeping, plan, 2, Budget(bytes=10**9))
    assert found.identities >= FEWEST
    assert 2 * 4 * 4000 * sum(found.views_by_kind().values()) + 10**8 <= 10**9


def test_identities_come_before_steps_and_base_poses(images):
    sweeping = asked(images, identities=400)
    found = [fitted(sweeping, plan_of(sweeping), 1, Budget(seconds=60 * m)) for m in (10, 20, 40, 80, 160, 320, 640)]
    for one in found:
        rung = next(rung for rung in LADDER if rung[:2] == (one.steps, one.base_poses))
        assert one.identities >= rung[2]
        assert one.steps >= 9  # of five values what is between them is missed
    rungs = [rung[:2] for rung in LADDER]
    finer = [rungs.index((one.steps, one.base_poses)) for one in found]
    assert finer == sorted(finer, reverse=True)


def test_a_budget_for_nothing_is_refused_with_the_least(images):
    sweeping = asked(images)
    with pytest.raises(InputError, match=rf"the least are [\d,]+ \({FEWEST} identities\), \d+ h"):
        fitted(sweeping, plan_of(sweeping, seconds=10), 1, Budget(seconds=60))


def test_the_plan_is_said_before_anything_is_encoded(images, caplog):
    seen, said = [], []

    def encoder(x):
        seen.append(len(x))
        said.append("the plan" in caplog.text)
        return x.flatten(1)

    with caplog.at_level("INFO", "seqjepa"):
        diagnose_encoder(encoder, images, TURNS, **SMALL)
    before = sum(views for views, after in zip(seen, said, strict=True) if not after)
    assert before <= 3 * 16 + 16
    line = next(line for line in caplog.messages if line.startswith("the plan"))
    assert re.search(r"^the plan: 600 views, about \d+ s at \S+ views/s in batches of \d+; \d+ MiB of memory, ", line)


def test_a_budget_of_a_diagnosis(images, caplog):
    def slow(x):
        time.sleep(0.001 * len(x))
        return x.flatten(1)[:, :20]

    with caplog.at_level("INFO", "seqjepa"):
        options = SMALL | dict(identities=200, steps=25, base_poses=5, budget="4s")
        found = diagnose_encoder(slow, images, TURNS, **options)["z"]
    assert FEWEST <= found.metadata["identities"] < 200
    assert any(line.startswith("the budget: identities") and "times as wide" in line for line in caplog.messages)


def test_what_takes_long_is_kept_and_not_encoded_again(images, tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "KEPT_FROM", 0.0)
    net = nn.Sequential(network())
    calls = []
    net.register_forward_hook(lambda module, inputs, output: calls.append(len(output)))
    first = diagnose_encoder(net, images, TURNS, cache=tmp_path / "kept", **SMALL)["z"]
    encoded = sum(calls)
    calls.clear()
    again = diagnose_encoder(net, images, TURNS, cache=tmp_path / "kept", **SMALL | {"skip": [*SKIPPED, "subspaces"]})
    assert sum(calls) == 3 * 16 < encoded  # the check of the encoder
    assert again["z"]["sensitivity"] == first["sensitivity"]


def test_what_is_soon_encoded_is_not_kept(images, tmp_path):
    diagnose_encoder(network(), images, TURNS, cache=tmp_path / "kept", **SMALL)
    assert not (tmp_path / "kept").exists()


def test_words():
    assert [duration(s) for s in (0.2, 45, 100, 3000, 15600)] == ["1 s", "45 s", "2 min", "50 min", "4 h 20 min"]
    assert [size(b) for b in (10, 3 << 20, 5 << 29)] == ["1 MiB", "3 MiB", "2.5 GiB"]
    assert math.isinf(Budget().seconds)


def test_an_encoder_is_checked_and_told_of_once(images, tmp_path, caplog):
    """The key of what is saved, the plan and the sweeps ask the same; a map is described in a line."""
    seen = []

    def encoder(x):
        seen.append(len(x))
        return x[..., :4, :4].repeat(1, 5, 1, 1)

    options = dict(baselines=(), folder=tmp_path / "out", progress=False, batch_size=64, probe_images=0)
    with pytest.MonkeyPatch.context() as patched, caplog.at_level("INFO", "seqjepa"):
        patched.setattr(diagnosing, "diagnosed_beside", lambda swept, *rest: {})
        diagnose_encoder(encoder, images, TURNS, **SMALL | options)
    assert caplog.text.count("the representation is: ") == 1
    planned_views = int(re.search(r"the plan: ([\d,]+) views", caplog.text)[1].replace(",", ""))
    trial = 16  # views that are timed
    assert sum(seen) == planned_views + 3 * 16 + trial
