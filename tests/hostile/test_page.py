"""Names that are scripts: whatever came from a file, a folder, a class or a configuration is text in the browser."""

import json
import time
from dataclasses import replace

import pytest

from seqjepa.cli.app import main
from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.tables import leakage_table
from seqjepa.report import RunRecord, read_record, write_page
from tests.report.conftest import ROWS, browser, chromium, diagnosis, sweeps  # noqa: F401 (fixtures)

ATTACKS = (
    "<script>window.harmed=1</script>",
    "</script><script>window.harmed=2</script>",
    '"><img src=x onerror="window.harmed=3">',
    "' onmouseover='window.harmed=4' autofocus onfocus='window.harmed=5",
    "</textarea></title></style><svg onload=window.harmed=6>",
    "{{ 7 * 7 }}{% include 'x' %}${window.harmed=7}",
    "javascript:window.harmed=8//",
    "]]>--><iframe srcdoc='<script>parent.harmed=9</script>'>",
    "$\\frac{$ \u202e\u0007",
)
EVIL = "".join(ATTACKS)
SHORT = ATTACKS[0] + ATTACKS[2]  # what still is a name's length


def spoiled(value, evil):
    """Every text in JSON data replaced, and every name of a factor."""
    if isinstance(value, dict):
        return {key: spoiled(inside, evil) for key, inside in value.items()}
    if isinstance(value, list):
        return [spoiled(inside, evil) for inside in value]
    return value + evil if isinstance(value, str) and value in ("rotation", "scale", "separate", "") else value


def harm(browser, path):  # noqa: F811
    browser.get(path.as_uri())
    time.sleep(0.5)  # what loads late could harm late
    browser.execute_script(
        "for (const e of document.querySelectorAll('*')) for (const kind of ['mouseover', 'focus', 'click'])"
        " if (e.tagName != 'A') e.dispatchEvent(new Event(kind));"
    )
    time.sleep(0.2)
    harmed = browser.execute_script("return window.harmed || null")
    scripts = browser.execute_script("return document.scripts.length")
    frames = browser.execute_script("return document.querySelectorAll('iframe, object, embed, base').length")
    return harmed, scripts, frames


@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")
@pytest.mark.filterwarnings("ignore:constrained_layout:UserWarning")
def test_names_that_are_scripts_do_not_run(browser, tmp_path, sweeps, diagnosis):  # noqa: F811
    plain = write_page(RunRecord(diagnosis, sweeps, ROWS, {}, {"config.yaml": "seed: 0\n"}), tmp_path / "plain.html")
    harmed, scripts, frames = harm(browser, plain)
    assert (harmed, frames) == (None, 0)

    run = tmp_path / ("run <script>window.harmed=10<" + "\\script>")
    (run / "diagnosis").mkdir(parents=True)
    diagnosis.save(run / "diagnosis/diagnosis.json")
    told = spoiled(json.loads((run / "diagnosis/diagnosis.json").read_text()), SHORT)
    told["metadata"] |= {"run": EVIL, "encoder": EVIL, "images": EVIL, EVIL: EVIL}
    told["baselines"] = {EVIL: told["baselines"].pop("itself")}
    (run / "diagnosis/diagnosis.json").write_text(json.dumps(told))
    replace(sweeps, metadata=dict(sweeps.metadata) | {"encoder": EVIL}).save(run / "diagnosis/sweeps.safetensors")
    (run / "config.yaml").write_text(json.dumps({"name": EVIL, "images": {"source": EVIL}}))
    (run / "environment.yaml").write_text(json.dumps({"command": ["seqjepa", "train", EVIL]}))
    (run / "metrics.csv").write_text(f'epoch,loss,"{SHORT.replace(chr(34), chr(34) * 2)}"\n1,0.5,2\n2,0.25,3\n')
    path = write_page(read_record(run), tmp_path / "report.html")
    assert harm(browser, path) == (None, scripts, 0)
    assert "window.harmed=1" in browser.execute_script("return document.body.textContent")


@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")
@pytest.mark.filterwarnings("ignore:constrained_layout:UserWarning")
def test_runs_side_by_side_with_names_that_are_scripts(browser, tmp_path, diagnosis):  # noqa: F811
    runs = []
    for number in (1, 2):
        run = tmp_path / f"{number}<img src=x onerror=window.harmed={number}>"
        (run / "diagnosis").mkdir(parents=True)
        replace(diagnosis, metadata=dict(diagnosis.metadata) | {"encoder": EVIL}).save(run / "diagnosis/diagnosis.json")
        (run / "config.yaml").write_text(
            json.dumps({"name": EVIL, "seed": number, "images": {"source": EVIL, EVIL: 1}})
        )
        (run / "metrics.csv").write_text("epoch,loss\n1,0.5\n2,0.25\n")
        runs.append(str(run))
    assert main(["compare", *runs, "--html", str(tmp_path / "compared.html")]) == 0
    harmed, _, frames = harm(browser, tmp_path / "compared.html")
    assert (harmed, frames) == (None, 0)


def test_the_search_for_harm_finds_it(browser, tmp_path):  # noqa: F811
    for number, attack in enumerate((ATTACKS[0], f'<input value="{ATTACKS[2]}">')):
        (tmp_path / f"{number}.html").write_text(f"<body>{attack}</body>")
        assert harm(browser, tmp_path / f"{number}.html")[0] is not None


@pytest.mark.parametrize(
    ("metric", "lost"),
    [
        ("explained_variance", "k"),
        ("explained_variance", "fitted"),
        ("explained_variance", "held_out"),
        ("explained_variance", "null_share"),
        ("overlap", "angles_deg"),
        ("orbit_leading", "energy"),
        ("health", "D"),
        ("action", "predicted"),
    ],
)
def test_a_diagnosis_without_its_details_is_refused_in_one_line(tmp_path, diagnosis, metric, lost, capsys):  # noqa: F811
    def without(figure):
        return replace(figure, details={key: value for key, value in figure.details.items() if key != lost})

    assert any(lost in figure.details for figure in diagnosis.estimates[metric].values())
    figures = {m: {k: without(f) if m == metric else f for k, f in of.items()} for m, of in diagnosis.estimates.items()}
    Diagnosis(figures, diagnosis.metadata).save(tmp_path / "diagnosis.json")
    assert main(["report", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"diagnosis.json: {metric} of " in line
    assert lost in line
    assert "field required" in line or "are needed" in line


@pytest.mark.parametrize("wrong", [[], [0.0, 0.0], ["a"], "text", None, {"a": 1}])
def test_details_of_another_kind_are_refused_in_one_line(tmp_path, wrong, capsys):
    details = {"fitted": [0.5, 0.5], "held_out": wrong, "null_share": 0.1, "k": 2}
    figures = {"explained_variance": {"rotation": Estimate(0.9, details=details)}}
    Diagnosis(figures, {"identities": 9}).save(tmp_path / "diagnosis.json")
    assert main(["report", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "explained_variance of 'rotation': details: held_out" in line


def test_a_number_of_images_that_is_none_is_refused(tmp_path, capsys):
    Diagnosis({}, {"identities": "many"}).save(tmp_path / "diagnosis.json")
    assert main(["report", str(tmp_path)]) == 2
    assert "metadata.identities" in capsys.readouterr().err


def test_a_matrix_of_readers_with_holes_is_a_table_with_holes():
    some = {("class", "pose", "linear"): Estimate(0.5, null=0.1), ("scale", "z", "linear"): Estimate(0.9, null=0.2)}
    rows = [line.split() for line in leakage_table(Diagnosis({"leakage": some})).splitlines()]
    assert [row for row in rows if row and row[0] in ("z", "pose", "null")] == [
        ["pose", "0.500"],
        ["z", "0.900"],
        ["null", "0.200"],
    ]
