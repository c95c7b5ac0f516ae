"""Several runs or diagnoses side by side."""

import math

import pytest
import torch
from scipy.stats import ttest_ind

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.diagnostics import Diagnosis, Estimate
from seqjepa.diagnostics.estimate import Samples
from seqjepa.recipes import change, digits
from tests.ground_truths import FACTORS, additive

METADATA = {"identities": 40, "seed": 0, "split_seed": 0, "fingerprint": "abc"}


def diagnosis(shift=0.0, seed=0, metadata=None):
    """With one figure of 20 reporting identities, about 0.5 + shift, and one that cannot be told."""
    noise = torch.rand(20, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 0.5
    terms = 0.5 + shift + 0.2 * (noise - noise.mean())
    samples = Samples(tuple(terms.tolist()), (1.0,) * 20)
    figure = Estimate(float(terms.mean()), samples.interval_around(0.0), samples=samples)
    figures = {"sensitivity": {"rotation": figure, "scale": Estimate(None, reason="constant")}}
    return Diagnosis(figures, METADATA | (metadata or {}))


def run(folder, config, metrics=None, found=None):
    (folder / "diagnosis").mkdir(parents=True)
    (folder / "config.yaml").write_text(config.to_yaml())
    if metrics is not None:
        lines = ["epoch,loss,rank_eq_eff", "1,9,", *(f"{epoch},{loss},{rank}" for epoch, loss, rank in metrics)]
        (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    if found is not None:
        found.save(folder / "diagnosis" / "diagnosis.json")
    return folder


def rows(compared):
    return {(row.metric, row.of): row.cells for row in (*compared.metrics, *compared.estimates)}


def test_two_runs(tmp_path):
    one = run(tmp_path / "one", digits(), [(2, -1.5, 30)], diagnosis())
    other = change(digits(), seed=3, model=dict(width=24))
    two = run(tmp_path / "two", other, [(2, -1.0, "")], diagnosis(shift=0.2, seed=1))
    compared = sj.compare(one, two)
    assert [column.name for column in compared.columns] == ["one", "two"]
    assert compared.settings == (("seed", ("0", "3")), ("model.width", ("12", "24")))
    found = rows(compared)
    assert found["loss", ""][1].difference.value == pytest.approx(0.5)
    assert found["loss", ""][1].differs is None  # of one run each, a metric has no interval
    assert [cell.value for cell in found["rank_eq_eff", ""]] == [30, None]
    cell = found["sensitivity", "rotation"][1]
    expected = diagnosis(0.2, 1)["sensitivity"]["rotation"].minus(diagnosis()["sensitivity"]["rotation"])
    assert cell.value == pytest.approx(0.7)
    assert cell.difference == compared["sensitivity"]["rotation"]
    assert cell.difference.value == pytest.approx(expected.value)
    assert cell.difference.interval == pytest.approx(expected.interval)
    assert cell.differs
    assert found["sensitivity", "scale"][1].value is None
    assert not compared.notes


def test_no_star_where_nothing_differs():
    compared = sj.compare({"one": diagnosis(), "two": diagnosis(0.001, seed=1)})
    assert rows(compared)["sensitivity", "rotation"][1].differs is False


@pytest.mark.parametrize(("shift", "differs"), [(0.2, True), (0.01, False)])
def test_seeds_of_one_recipe_are_one_column(tmp_path, shift, differs):
    paths, values = [], {"a": [], "b": []}
    for seed in range(3):
        for recipe, moved, width in (("a", 0.0, 12), ("b", shift, 24)):
            value = moved + 0.02 * seed
            config = change(digits(), seed=seed, name=recipe, model=dict(width=width))
            paths.append(run(tmp_path / f"{recipe}{seed}", config, [(2, value, "")], diagnosis(value)))
            values[recipe].append(0.5 + value)
    compared = sj.compare(*paths)
    assert [column.name for column in compared.columns] == ["a (3 seeds)", "b (3 seeds)"]
    assert dict(compared.settings) == {"name": ("a", "b"), "model.width": ("12", "24")}
    for metric in (("sensitivity", "rotation"), ("loss", "")):
        first, second = rows(compared)[metric]
        assert first.sd == pytest.approx(0.02)
        assert second.difference.value == pytest.approx(shift)
        interval = ttest_ind(values["b"], values["a"], equal_var=False).confidence_interval()
        assert second.difference.interval == pytest.approx(tuple(interval))
        assert second.differs is differs


def test_settings_that_seeds_share_with_a_run_do_not_differ(tmp_path):
    paths = [run(tmp_path / str(seed), change(digits(), seed=seed)) for seed in range(2)]
    paths.append(run(tmp_path / "alone", change(digits(), epochs=3)))
    settings = dict(sj.compare(*paths).settings)
    assert settings == {"seed": ("0, 1", "0"), "epochs": (str(digits().epochs), "3")}


def test_one_run_against_seeds_is_not_told(tmp_path):
    paths = [run(tmp_path / str(seed), change(digits(), seed=seed), found=diagnosis(0.1 * seed)) for seed in range(2)]
    paths.append(run(tmp_path / "alone", change(digits(), epochs=3), found=diagnosis(0.4)))
    compared = sj.compare(*paths)
    assert rows(compared)["sensitivity", "rotation"][1].differs is None
    assert compared.notes == ("alone is not paired with digits (2 seeds): one run against several seeds",)


def test_the_same_seed_twice_is_another_column(tmp_path):
    paths = [run(tmp_path / name, digits(), [(2, 1, 1)]) for name in ("one", "two")]
    compared = sj.compare(*paths)
    assert [column.name for column in compared.columns] == ["one", "two"]
    assert compared.settings == ()


def test_of_other_images_values_are_shown_and_not_told_apart():
    compared = sj.compare({"one": diagnosis()}, {"one": diagnosis(0.3, metadata={"fingerprint": "def"})})
    cell = rows(compared)["sensitivity", "rotation"][1]
    assert (cell.value, cell.differs) == (pytest.approx(0.8), None)
    assert compared.notes == ("one #2 is not paired with one: different images",)
    with pytest.raises(sj.InputError, match="one #2 cannot be compared with one: different images"):
        compared["sensitivity"]


def test_estimates_that_only_one_has_and_details():
    sweeps = sj.Sweeps.from_function(additive(24), FACTORS, 24, steps=5, base_poses=2, joint=3)
    whole = sj.diagnose(sweeps, skip=["group"], ideals=False)
    part = sj.diagnose(sweeps, skip=["group", "health", "leakage", "subspaces"], ideals=False)
    compared = sj.compare({"part": part, "whole": whole})
    details = {(row.metric, row.of): row.detail for row in compared.estimates}
    assert details["variance_shares", "rotation · content"]
    assert not details["variance_shares", "rotation · smooth"]
    assert "content" not in compared.table()
    assert "rotation · content" in compared.table(details=True)
    first, second = rows(compared)["health", "norm"]
    assert first.value is None
    assert second.value is not None
    assert second.difference == Estimate(None, reason="not measured")
    for metric, of in (("sensitivity", "rotation"), ("variance_shares", "scale · smooth")):
        assert rows(compared)[metric, of][1].difference.value == 0
        assert rows(compared)[metric, of][1].differs is False


def test_the_command(tmp_path, capsys):
    paths = [
        run(tmp_path / n, change(digits(), epochs=e), [(2, -1.5, 30)], diagnosis(s))
        for n, e, s in (("one", 3, 0), ("two", 4, 0.3), ("three", 3, 0.0))
    ]
    assert cli.main(["compare", *map(str, paths[:2])]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["epochs", "3", "4"] in lines
    assert ["epoch", "2", "2"] in lines
    assert ["loss", "-1.500", "-1.500", "+0.000"] in lines
    assert ["sensitivity", "rotation", "0.500", "0.800", "+0.300*", "[0.300,", "0.300]"] in lines
    assert ["scale", "–", "–"] in lines
    assert cli.main(["compare", *map(str, paths), *map(str, paths[:2])]) == 0
    printed = capsys.readouterr().out
    assert "0.800*" in printed
    assert "+0.300" not in printed  # five columns have no room for differences
    assert "differs from one: the difference's 95 % interval, paired over identities, excludes 0" in printed


def test_mistakes_are_one_line(tmp_path, capsys):
    path = str(run(tmp_path / "one", digits()))
    bad = run(tmp_path / "bad", digits())
    (bad / "config.yaml").write_text("a: [")
    broken = run(tmp_path / "broken", digits())
    (broken / "metrics.csv").write_text("loss\nhigh\n")
    for arguments, says in (
        ([path], "compare takes 2 to 10 runs or diagnoses, not 1"),
        ([path] * 11, "compare takes 2 to 10 runs or diagnoses, not 11"),
        ([path, str(tmp_path)], "neither a run's folder nor a diagnosis"),
        ([path, str(bad)], "not a readable YAML file"),
        ([path, str(broken)], "not a readable table of metrics"),
    ):
        assert cli.main(["compare", *arguments]) == 2
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1


def test_a_mean_is_not_a_number_of_its_own(tmp_path):
    """Seeds that all give one value: no spread, no test, and no division by it."""
    paths = [
        run(tmp_path / f"{w}{s}", change(digits(), seed=s, model=dict(width=w)), [(2, w, 1)])
        for w in (12, 24)
        for s in (0, 1)
    ]
    cell = rows(sj.compare(*paths))["loss", ""][1]
    assert (cell.value, cell.sd, cell.difference.value, cell.differs) == (24, 0, 12, None)
    assert not math.isnan(cell.value)


def test_python_and_the_command_line_are_one(tmp_path, capsys):
    paths = [run(tmp_path / n, digits(), [(2, -1.5, 30)], diagnosis(s)) for n, s in (("one", 0), ("two", 0.3))]
    assert cli.main(["compare", *map(str, paths), "--html", str(tmp_path / "typed.html")]) == 0
    compared = sj.compare(*paths)
    assert capsys.readouterr().out.startswith(compared.table())
    assert compared.to_html(tmp_path / "called.html").read_text() == (tmp_path / "typed.html").read_text()


def test_a_difference_is_found_by_metric_key_and_column(tmp_path):
    compared = sj.compare({"one": diagnosis(), "two": diagnosis(0.2), "three": diagnosis(-0.1)})
    assert compared["sensitivity"]["rotation"].value == pytest.approx(0.2)
    assert compared["sensitivity"]["scale"].reason == "constant"
    for column in (2, "three"):
        assert compared.differences("sensitivity", column)["rotation"].value == pytest.approx(-0.1)
    for wrong, says in (
        (("overlaps", 1), "metric 'overlaps' is not one of sensitivity"),
        (("sensitivity", "one"), "column 'one' is not one of two, three"),
        (("sensitivity", 3), "column 3 is not one of 1 to 2"),
    ):
        with pytest.raises(sj.InputError, match=says):
            compared.differences(*wrong)


def test_diagnoses_are_called_after_their_encoder_and_layer():
    named = [diagnosis(metadata={"encoder": "resnet", "layer": layer}) for layer in ("z", "layer1", "z")]
    assert [c.name for c in sj.compare(*named).columns] == ["resnet", "resnet, layer1", "resnet #2"]


FEW = {"probes": ["linear"], "skip": ["group", "leakage", "actions", "classes", "contents", "retrieval", "health"]}
FEW |= {"ideals": False}


def swept(scales=(1.0, 1.0, 1.0, 4.0), **more):
    return sj.diagnose(
        sj.Sweeps.from_function(additive(24, scales=scales), FACTORS, 24, steps=5, joint=3), **FEW, **more
    )


def test_a_diagnosis_does_not_differ_from_itself_and_pairing_narrows_intervals():
    one = swept()
    same = sj.compare(one, one)
    verdicts = {row.cells[1].difference.verdict for row in same.estimates}
    assert verdicts <= {"no difference seen", "not paired", ""}
    assert same["overlap"]["translate_x", "translate_y"].value == 0
    other = swept(scales=(1.0, 0.5, 0.5, 4.0))  # smaller shifts: identities at random shifts are nearer to each other
    difference = sj.compare(one, other)["sensitivity"]["rotation"]
    widths = [high - low for low, high in (of["sensitivity"]["rotation"].interval for of in (one, other))]
    assert difference.interval[0] > 0
    assert difference.interval[1] - difference.interval[0] < sum(widths)


def test_another_split_is_shown_but_not_paired():
    compared = sj.compare(swept(), swept(seed=1))
    assert compared.notes[0].endswith("different split (split_seed)")
    with pytest.raises(sj.InputError, match="different split"):
        compared["sensitivity"]
