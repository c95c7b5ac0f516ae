"""Estimates on the pages of results are those of the metrics beside them."""

import csv
import re
import statistics
from pathlib import Path

import pytest
import yaml

from seqjepa.diagnostics import METRICS, Diagnosis
from seqjepa.training.config import config_from_yaml

RESULTS = Path(__file__).parents[1] / "docs" / "results"
PAGES = sorted(page for page in RESULTS.glob("*/README.md") if (page.parent / "metrics.csv").exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_pages_table_of_epochs_is_the_metrics(page):
    with (page.parent / "metrics.csv").open(newline="") as file:
        metrics = {row["epoch"]: row for row in csv.DictReader(file)}
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| `epoch` "))
    header = [cell.strip(" `") for cell in lines[start].strip("|").split("|")]
    compared = 0
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name, cell in zip(header, cells, strict=True):
            if name in metrics["1"] and name != "epoch" and cell:
                decimals = len(cell.partition(".")[2])
                assert float(cell.replace("−", "-")) == round(float(metrics[cells[0]][name]), decimals), (name, line)
                compared += 1
    assert compared > 20


def test_the_full_size_runs_are_their_metrics():
    lines = (RESULTS / "full_size" / "README.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| last epoch of "))
    header = [cell.strip(" `") for cell in lines[start].strip("|").split("|")]
    runs = [line for line in lines[start + 2 : start + 9] if line.startswith("| [")]
    assert len(runs) == len(list((RESULTS / "full_size").glob("*/metrics.csv"))) == 7
    for line in runs:
        of, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        with (RESULTS / "full_size" / of.partition("](")[2].strip("/)") / "metrics.csv").open(newline="") as file:
            last = list(csv.DictReader(file))[-1]
        for name, cell in zip(header[1:], cells, strict=True):
            written = cell.replace("−", "-")
            assert f"{float(last[name]):.{len(written.partition('.')[2])}f}" == written, (of, name)


def last_row(file):
    with file.open(newline="") as rows:
        return list(csv.DictReader(rows))[-1]


def test_the_seeds_of_the_full_size_run_are_their_metrics():
    page = (RESULTS / "full_size" / "README.md").read_text(encoding="utf-8")
    r2 = [
        float(last_row(RESULTS / "full_size" / f"mnist_affine_seed_{i}" / "metrics.csv")["r2_test"]) for i in range(3)
    ]
    assert "end at {:.3f}, {:.3f} and {:.3f}: mean".format(*r2) in " ".join(page.split())
    spread = f"mean {statistics.fmean(r2):.3f}, standard deviation {statistics.stdev(r2):.3f}"
    assert spread in " ".join(page.split())


def test_rotation_alone_at_full_size_is_its_metrics():
    page = RESULTS / "full_size" / "README.md"
    _, rows = next(table for table in tables(page) if table[0][:3] == ["epoch", "loss", "original"])
    columns = {1: "loss", 3: "linacc_test", 5: "r2_test_all_columns", 7: "r2_test"}
    with (page.parent / "mnist_rotation" / "metrics.csv").open(newline="") as file:
        metrics = {row["epoch"]: row for row in csv.DictReader(file)}
    assert [row[0] for row in rows] == ["1", "10", "20"]
    for row in rows:
        for column, name in columns.items():
            written = row[column].replace("−", "-")
            assert f"{float(metrics[row[0]][name]):.{len(written.partition('.')[2])}f}" == written, (row[0], name)


def test_the_fast_runs_seeds_are_their_metrics():
    folder = RESULTS / "mnist_affine_fast"
    _, rows = next(table for table in tables(folder / "README.md") if table[0][0] == "seed")
    columns = dict(zip((1, 3, 5), ("linacc_test", "r2_test", "leakage_linacc_test"), strict=True))
    for seed, row in enumerate(rows):
        trained = last_row(folder / (f"metrics-seed-{seed}.csv" if seed else "metrics.csv"))
        untrained = last_row(folder / f"metrics-untrained-seed-{seed}.csv")
        for column, name in columns.items():
            assert agree(row[column], [trained[name]]), (seed, name)
            assert agree(row[column + 1], [untrained[name]]), (seed, name, "untrained")
    assert len(rows) == 3


def test_the_tables_of_runs_are_their_estimates(monkeypatch):
    monkeypatch.syspath_prepend(RESULTS.parents[1] / "benchmarks")
    from tables_of_runs import PAGES, content_markdown, markdown

    for page in PAGES:
        assert markdown(page) in (RESULTS / page.partition("#")[0]).read_text(encoding="utf-8"), page
    assert content_markdown("full_size/README.md") in (RESULTS / "full_size" / "README.md").read_text(encoding="utf-8")


def test_the_page_of_trained_networks_is_their_estimates(monkeypatch):
    pytest.importorskip("onnx")
    monkeypatch.syspath_prepend(RESULTS.parents[1] / "benchmarks")
    from zoo_page import budget_markdown, layers_markdown, markdown

    page = (RESULTS / "zoo.md").read_text(encoding="utf-8")
    assert budget_markdown() in page
    for setting in ("photographs", "digits"):
        assert markdown(setting) in page
        assert layers_markdown(setting, "ImageNet") in page


def test_the_page_of_terms_is_its_saved_runs(monkeypatch):
    monkeypatch.syspath_prepend(RESULTS.parents[1] / "benchmarks")
    import anti_collapse_page as made

    rows, page = made.load(), (RESULTS / "anti_collapse.md").read_text(encoding="utf-8")
    for name, part in made.parts(rows).items():
        assert f"<!-- {name} -->\n\n{part}\n\n<!-- /{name} -->" in page, name
    assert rows
    assert all(re.fullmatch("[0-9a-f]{40}", row["commit"]) for row in rows)


def test_the_gallery_says_what_its_estimates_say():
    with (RESULTS / "gallery" / "estimates.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["metric"], row["of"]): row for row in csv.DictReader(file)}
    page = " ".join((RESULTS.parent / "gallery.md").read_text(encoding="utf-8").split())

    def of(metric, key, column="value"):
        return f"{float(rows[metric, key][column]):.2f}"

    rotation, shifts = "rotation · translation", "translate_x · translate_y"
    assert f"rotation shares {of('shared_variance', rotation)} of its variance with the shifts" in page
    assert f"(its median is {of('shared_variance', rotation, 'null')})" in page
    chance = of("shared_variance", shifts, "null")
    assert f"x and y share {of('shared_variance', shifts)}, where chance has {chance}." in page
    common = [of("orbit_share", factor) for factor in ("rotation", "translate_x", "translate_y", "scale")]
    assert "({} of its orbits' energy is common to all images; of x {}, of y {}, of scale {})".format(*common) in page
    agree = of("reliability", "rotation"), of("reliability", "scale")
    assert "({} of rotation, {} of scale; 0.8 is needed)".format(*agree) in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_page_says_the_command_the_seed_and_the_commit(page):
    text = page.read_text(encoding="utf-8")
    assert re.search(r"seqjepa train \w+", text)
    assert re.search(r"seed \d", text)
    assert re.search(r"`[0-9a-f]{40}`", text)
    assert (page.parent / "config.yaml").exists()


@pytest.mark.parametrize("file", sorted(RESULTS.rglob("config.yaml")), ids=lambda file: file.parent.name)
def test_a_saved_configuration_can_be_trained_again(file):
    assert config_from_yaml(file).factors.factors()


@pytest.mark.parametrize("file", sorted(RESULTS.rglob("diagnosis.json")), ids=lambda file: file.parents[1].name)
def test_a_saved_diagnosis_is_read_and_its_table_beside_it_is_its_own(file):
    diagnosis = Diagnosis.load(file)
    assert diagnosis.split is not None
    assert set(diagnosis.estimates) <= set(METRICS)
    with file.with_name("estimates.csv").open(newline="", encoding="utf-8") as table:
        rows = {(row["metric"], row["of"]): row["value"] for row in csv.DictReader(table)}
    for metric, estimates in diagnosis.estimates.items():
        for key, estimate in estimates.items():
            of = key if isinstance(key, str) else " · ".join(key)
            assert rows.pop((metric, of)) == ("" if estimate.value is None else f"{estimate.value:.6g}")
    assert not rows


def test_there_are_results():
    assert PAGES


NEXT = RESULTS / "next_steps"


def tables(page):
    """Each table's heading and rows, as lists of cells."""
    for block in re.findall(r"(?:^\|.*\n)+", page.read_text(encoding="utf-8"), re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        yield rows[0], rows[2:]


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def agree(text, values):
    """Whether the numbers in a cell are these values, rounded as they are written."""
    decimals = len(re.findall(r"-?\d+(?:\.(\d+))?", text)[0])
    return numbers(text) == pytest.approx([round(float(value), decimals) for value in values], abs=1e-9)


def test_the_metrics_of_the_next_steps_are_those_of_their_last_epochs():
    head, rows = next(table for table in tables(NEXT / "README.md") if table[0][0] == "estimate")
    runs = [found.group(1) for cell in head[2:] if (found := re.search(r"\((\w+)/\)", cell))]
    assert len(runs) == 5
    _, rows = next(table for table in tables(NEXT / "README.md") if table[0][0] == "last epoch")
    compared = 0
    for column, run in enumerate(runs, start=2):
        with (NEXT / run / "metrics.csv").open(newline="") as file:
            last = list(csv.DictReader(file))[-1]
        for row in rows:
            value = last.get(row[1].strip("`"))
            assert bool(value) == bool(row[column]), (run, row[1])
            if value:
                assert agree(row[column], [value]), (run, row[1])
                compared += 1
    assert compared > 40


@pytest.mark.parametrize("run", sorted(path.name for path in NEXT.iterdir() if path.is_dir()))
def test_a_next_step_can_be_made_again(run):
    config = yaml.safe_load((NEXT / run / "config.yaml").read_text())
    environment = yaml.safe_load((NEXT / run / "environment.yaml").read_text())
    diagnosed = yaml.safe_load((NEXT / run / "diagnosis" / "environment.yaml").read_text())
    assert environment["command"][:3] == ["seqjepa", "train", run]
    assert diagnosed["command"][:2] == ["seqjepa", "diagnose"]
    assert config["name"] == run
    assert config["seed"] == environment["seed"] == 0
    page = (NEXT / "README.md").read_text(encoding="utf-8")
    assert f"seqjepa train {run} " in page
    for metadata in (environment, diagnosed):
        assert f"`{metadata['commit'][:7]}`" in page
    texts = [path.read_text(encoding="utf-8") for path in (NEXT / run).rglob("*") if path.suffix in (".yaml", ".csv")]
    assert not any(re.search(r"(?<![\w.])/(?:work|tmp|home|root)\b", text) for text in texts)  # no machine's folders


def test_the_tables_of_the_split_recipes_are_those_of_their_estimates(monkeypatch):
    monkeypatch.syspath_prepend(RESULTS.parents[1] / "benchmarks")
    from split_page import FOLDER, ablation_table, main_table

    page = (RESULTS / "split.md").read_text(encoding="utf-8")
    assert main_table() in page
    ablations = sorted(path.name for path in FOLDER.glob("*ablation.json"))
    assert ablations
    for file in ablations:
        assert ablation_table(file) in page, file


PUBLISHED = {"objects3d": {"0.73", "0.58"}, "photometric": set()}  # R² of others


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_pages_of_scenes_are_their_estimates(name, monkeypatch):
    monkeypatch.syspath_prepend(RESULTS.parents[1] / "benchmarks")
    import scenes_page

    page = (RESULTS / f"{name}.md").read_text(encoding="utf-8")
    made = getattr(scenes_page, f"{name}_tables")()
    for table in made:
        assert table in page
    written = {number for table in made for number in re.findall(r"\d+\.\d+", table)} | PUBLISHED[name]
    findings, _, rest = page.partition("## Findings")[2].partition("\n## ")
    for number in re.findall(r"\d+\.\d+", findings):
        assert number in written | {scenes_page.on_the_other_scale()}, number  # it stands in a table below
    assert re.search(r"at `[0-9a-f]{7,40}`, seed 0", rest)
    for picture in re.findall(rf"\]\(({name}/\w+\.png)\)", page):
        assert (RESULTS / picture).exists()


def test_what_a_score_pays_for_a_constant_is_by_the_law_of_rotations(monkeypatch):
    """Rotations by scipy: the best constant's R² with one mean of all columns."""
    import numpy as np
    from scipy.spatial.transform import Rotation

    random = np.random.default_rng(0)
    first, second = (Rotation.from_euler("xyz", random.uniform(-90, 90, (200_000, 3)), degrees=True) for _ in "ab")
    q = (first.inv() * second).as_quat()
    paid = 1 - ((q - q.mean(0)) ** 2).sum() / ((q - q.mean()) ** 2).sum()
    with (RESULTS / "objects3d" / "constants.csv").open(newline="") as file:
        (row,) = [
            row
            for row in csv.DictReader(file)
            if (row["law"], row["target"], row["score"]) == ("as in 3DIEBench", "quaternion", "SIE")
        ]
    assert float(row["low"]) - 0.003 < paid < float(row["high"]) + 0.003
