"""What a person reads: questions in words, layers beside factors, widths for other numbers of identities."""

import pytest

import seqjepa as sj
from seqjepa.diagnostics import Estimate, identities_table, interval_widths, layers_table
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.bounds import NOTHING_TOLD
from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.many import MANY
from seqjepa.diagnostics.measures.overlaps import SAYS_LITTLE
from seqjepa.diagnostics.metric import verdict_in_words
from seqjepa.diagnostics.registry import METRICS
from seqjepa.diagnostics.tables import leakage_table, metrics_table
from tests.ground_truths import FACTORS, additive
from tests.hurried import hurried

QUICK = dict(probes=["linear"], skip=[name for name in BLOCKS if name not in ("effects", "subspaces", "leakage")])


@pytest.fixture(scope="module")
def pca():
    """Diagnoses of principal components of pixels, over 60 and over 240 images."""
    images = sj.load_images("digits", "test")
    encoder = sj.PixelPCA.fit(sj.load_images("digits", "train"), 12)
    factors = sj.affine_factors(rotation=(-60, 60), translate_x=(-4, 4), scale=(0.6, 1.0))
    return {
        n: sj.diagnose(
            sj.represent(encoder, images, factors, identities=n, steps=5, base_poses=2, joint=8, progress=False),
            **QUICK,
        )
        for n in (60, 240)
    }


@pytest.mark.parametrize("metric", ["sensitivity", "leakage"])
def test_widths_for_other_numbers_are_those_of_another_run(pca, metric):
    few, many = interval_widths(pca[60], (240,)), interval_widths(pca[240], (60,))
    assert few[metric][60] > 1.5 * many[metric][240]  # there is something to foresee
    assert few[metric][240] == pytest.approx(few[metric][60] / 2)
    assert few[metric][240] == pytest.approx(many[metric][240], rel=0.3)
    assert many[metric][60] == pytest.approx(few[metric][60], rel=0.3)


def test_a_table_of_widths(pca):
    text = identities_table(pca[60])
    assert "32 identities   60 identities (now)   128 identities   512 identities" in text
    row = next(line for line in text.splitlines() if line.startswith(" sensitivity"))
    half = interval_widths(pca[60])["sensitivity"][512]
    assert row.endswith(f"± {half:.3f}")
    assert identities_table(Diagnosis({"dimension": {"x": Estimate(1.0)}}, {"identities": 60})) == ""


def test_probes_on_other_images_than_the_anchors_do_not_narrow_with_them(pca):
    estimates = {"class_probe": pca[60]["sensitivity"], "action": pca[240]["sensitivity"]}
    assert interval_widths(Diagnosis(estimates, {"identities": 60})) == {}
    assert set(interval_widths(Diagnosis(estimates, {"identities": 240}))) == {"action"}


def test_layers_beside_factors():
    base = additive(24)
    layers = {}
    for name, scale in (("stem", 1.0), ("head", 0.0)):
        sweeps = sj.Sweeps.from_function(
            lambda who, pose, s=scale: base(who, pose * s) + 0.01 * base(who * 7 % 24, pose * 0),
            FACTORS,
            24,
            steps=5,
            base_poses=2,
            joint=8,
        )
        layers[name] = sj.diagnose(sweeps, **QUICK)
    text = layers_table(layers)
    tables = text.split("\n\n")
    assert [table.split("  ")[0].strip() for table in tables[:4]] == [
        "explained variance of the k leading directions",
        "R², read linearly",
        "sensitivity",
        "overlap",
    ]
    stem, head = (next(line.split() for line in tables[0].splitlines() if line.startswith(f" {n}")) for n in layers)
    assert stem[1:3] == ["17", f"{layers['stem']['explained_variance']['rotation'].value:.3f}"]
    assert head[2:] == ["–"] * 4  # nothing moves in it
    assert "rotation · translation" in tables[3]
    read = next(line for line in tables[1].splitlines() if line.startswith(" head"))
    assert "(" in read  # told from chance? no


@pytest.mark.parametrize(
    ("estimate", "bracketed"),
    [
        (dict(interval=(0.21, 0.41), null=0.2, null_interval=(0.05, 0.35), verdict="at its null"), True),
        (dict(interval=(0.21, 0.41), null=0.2, null_interval=(0.19, 0.205), verdict="above its null"), False),
        (dict(interval=(0.1, 0.5), null=0.2, verdict="at its null", details={MANY: "above, but"}), True),  # withdrawn
        (dict(interval=(0.1, 0.5), null=0.9, verdict=SAYS_LITTLE), True),
        (dict(interval=(0.1, 0.5), null=0.6, verdict=NOTHING_TOLD), True),
        (dict(interval=(0.21, 0.41), null=0.2, null_interval=(0.05, 0.35), verdict="it may read content"), True),
        (dict(interval=(0.36, 0.41), null=0.2, null_interval=(0.05, 0.35), verdict="it may read content"), False),
        (dict(interval=(0.1, 0.5)), False),  # no null
    ],
)
def test_brackets_of_layers_say_what_the_verdict_says(estimate, bracketed):
    metadata = {"identities": 24, "dim": 8}
    found = Diagnosis({"sensitivity": {"rotation": Estimate(0.31, **estimate)}}, metadata)
    assert ("(0.310)" in layers_table({"stem": found, "head": found})) == bracketed


def test_the_class_of_layers_is_that_of_the_probe_on_many_images():
    few, many = Estimate(0.198, (0.1, 0.3), 0.15), Estimate(0.348, (0.33, 0.37), 0.15)
    leakage = {("class", "z", "linear"): few}

    def told(estimates, representation):
        metadata = {"identities": 24, "dim": 8, "representation": representation}
        table = layers_table({"stem": Diagnosis(estimates, metadata), "head": Diagnosis(estimates, metadata)})
        return [line.strip() for line in table.split("\n")]

    alone = told({"leakage": leakage}, "the output")
    assert any(line.startswith("class accuracy, read linearly, of the swept images") for line in alone)
    assert any(line.endswith("(0.198)") for line in alone)
    pooled = "the output: mean over 6 × 6 places of 3 channels, which stand first (by its shape)"
    both = told({"leakage": leakage, "class_probe": {"linear": many}}, pooled)
    assert any(line.startswith("class accuracy, read linearly, of many images") for line in both)
    assert any(line.endswith("0.348") for line in both)
    assert not any("0.198" in line for line in both)
    assert any(line.split()[0] == "stem" and line.endswith(pooled) for line in both if line)
    assert "a mean over places has lost where things are" in both[-1]
    assert "a mean over places" not in alone[-1]


def test_layers_of_a_single_factor_have_no_overlap(pca):
    assert "rotation · translate_x" in layers_table({"z": pca[60]})
    rotation = sj.Sweeps.from_function(additive(24), FACTORS[:1], 24, steps=5, joint=4)
    assert "overlap" not in layers_table({"z": sj.diagnose(rotation, **QUICK)})


def test_every_metric_has_its_question():
    sweeps = sj.Sweeps.from_function(additive(24), FACTORS, 24, steps=5, base_poses=2, joint=4)
    with hurried():
        found = sj.diagnose(sweeps, ideals=False)
    assert set(found.estimates) <= set(METRICS)
    lines = found.table().splitlines()
    for metric in found.estimates:
        assert f" {metric}: {METRICS[metric].question}" in lines


@pytest.mark.parametrize(
    ("verdict", "null_is", "words"),
    [
        ("above its null", "isotropic noise", "more than isotropic noise"),
        ("below its null", "an unrelated image's representation", "less than an unrelated image's representation"),
        ("at its null", "chance", "not significantly different from chance"),
        ("at its null", "", "at its null"),
        ("shared", "random subspaces", "shared"),
    ],
)
def test_verdicts_in_words(verdict, null_is, words):
    assert verdict_in_words(verdict, null_is) == words


def test_without_leakage_there_is_no_empty_matrix():
    diagnosis = Diagnosis({"sensitivity": {"rotation": Estimate(0.5)}}, {"identities": 20})
    assert "rotation" in diagnosis.table()
    assert "probes, from" not in diagnosis.table()


def test_in_a_notebook_a_table_is_a_text_as_well(pca, monkeypatch):
    """rich's console finds a notebook by itself, and then writes to the cell, whatever file it was given."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    found = pca[60]
    outside = {}
    for name, text in {
        "table": found.table,
        "leakage": lambda: leakage_table(found),
        "layers": lambda: layers_table({"a": found}),
        "widths": lambda: identities_table(found),
        "metrics": metrics_table,
        "comparison": lambda: sj.compare(found, pca[240]).table(),
    }.items():
        outside[name] = text()
    assert all(text.count("\n") > 3 for text in outside.values()), outside


@pytest.mark.filterwarnings("ignore")  # of the notebook's own libraries
def test_a_notebook_prints_the_table(tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    cell = (
        "import seqjepa as sj\n"
        "images = tuple(sj.load_images('digits', split) for split in ('train', 'test'))\n"
        "blocks = ['group', 'leakage', 'actions', 'classes', 'contents', 'retrieval', 'health']\n"
        "how = dict(identities=24, steps=5, base_poses=2, probe_images=0, baselines=(), skip=blocks, progress=False)\n"
        "diagnosis = sj.diagnose_encoder('pixels', images, {'scale': (1, 1)}, **how)['z']\n"
        "print(diagnosis.table())\n"
        "print(sj.compare(diagnosis, diagnosis).table())"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    printed = "".join(output.get("text", "") for output in book.cells[0].outputs)
    assert "explained_variance" in printed
    assert printed.count("sensitivity") >= 2
