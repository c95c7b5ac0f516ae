"""The whole diagnosis on representations whose answer is known."""

import json
import math

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis, diagnose, factor_subspace
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.swept import grid_kernel
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor, InputError
from tests.ground_truths import FACTORS, additive, contents, multiplicative, noise, orthogonal

I = 48  # noqa: E741
ROTATION = FACTORS[0]
LABELS = torch.arange(I) % 3


def swept(f, factors=FACTORS, **more):
    return Sweeps.from_function(f, factors, I, LABELS, **({"steps": 13, "base_poses": 2, "joint": 8, "seed": 0} | more))


def quick(sweeps, **more):
    return diagnose(sweeps, **({"skip": ("group",), "ideals": False} | more))


def every(diagnosis):
    return [
        (metric, key, estimate)
        for metric, estimates in diagnosis.estimates.items()
        for key, estimate in estimates.items()
    ]


@pytest.fixture(scope="module")
def s1():
    return quick(swept(additive(I)), ideals=True)


def test_s1_dimensions_and_separate_translations(s1):
    assert s1["dimension"]["translate_x"].value == s1["dimension"]["translate_y"].value == 1
    assert s1["dimension"]["translation"].value == 2
    assert s1["explained_variance"]["translation"].value == pytest.approx(1)
    overlap = s1["overlap"]["translate_x", "translate_y"]
    assert overlap.verdict == "separate"
    assert overlap.value == pytest.approx(0, abs=1e-9)
    assert overlap.interval == pytest.approx((0, 0), abs=1e-9)
    assert s1["overlap"]["translate_y", "translate_x"] == overlap
    assert ("translation", "translate_x") not in s1["overlap"]


def test_s1_one_factor_alone_fills_its_own_dimensions():
    for factor, k in zip(FACTORS, (2, 1, 1, 1), strict=True):
        found = quick(swept(additive(I), [factor]))
        assert found["dimension"][factor.name].value == k
        assert found["explained_variance"][factor.name].value == pytest.approx(1, abs=1e-9)
        assert found["common_orbit"][factor.name].value == pytest.approx(1, abs=1e-9)
        assert found["variance_shares"][factor.name, "smooth"].value == pytest.approx(0, abs=1e-9)


def test_s1_what_is_read_and_what_is_necessary(s1):
    for factor in FACTORS:
        assert s1["leakage"][factor.name, "z", "linear"].value == pytest.approx(1, abs=1e-6)
        assert s1["leakage"][factor.name, f"without {factor.name}", "linear"].value < 0.05
        assert s1["r2_lost"][factor.name].interval[0] > 0.9
    assert s1["leakage"]["class", "z", "linear"].verdict == "at its null"


def test_s2_a_multiplicative_factor():
    found = quick(swept(multiplicative(I, 8), [ROTATION], steps=36))
    shares = {part: found["variance_shares"]["rotation", part].value for part in ("factor", "smooth", "residual")}
    assert shares["smooth"] > 0.7
    assert shares["factor"] / sum(shares.values()) < 3 / I
    assert found["explained_variance"]["rotation"].value == pytest.approx(1 / 8, abs=0.08)
    assert found["dimension"]["rotation"].value > 6


def test_s3_an_invariant_code_says_so():
    still, random = contents(I, 6, 0), torch.Generator().manual_seed(1)
    found = quick(swept(lambda who, _: still[who] + 1e-3 * torch.randn(len(who), 6, generator=random).double()))
    for factor in FACTORS:
        assert found["sensitivity"][factor.name].interval[1] < 1e-4
        assert found["leakage"][factor.name, "z", "linear"].value < 0.05
    assert {estimate.value for estimate in found["overlap"].values()} == {None}


def test_s4_noise_is_at_its_nulls_or_unanswered():
    found = quick(swept(noise(12)))
    for factor in FACTORS:
        name = factor.name
        assert found["sensitivity"][name].value == pytest.approx(1, abs=0.15)
        assert found["dimension"][name].value <= 2
        assert found["leakage"][name, "z", "linear"].value < found["leakage"][name, "z", "linear"].null + 0.03
    for estimates in (found["overlap"], found["alignment"], found["reliability"]):
        for estimate in estimates.values():
            assert estimate.value is None or estimate.value < 0.8
    assert not any(estimate.verdict in ("separate", "shared") for estimate in found["overlap"].values())


def test_s10_a_constant_factor_is_answered_by_nothing():
    still = Factor("translate_x", 0, 0, "px")
    found = quick(swept(additive(I), [ROTATION, still]))
    for metric, key, estimate in every(found):
        if "translate_x" in (key if isinstance(key, tuple) else (key,)):
            assert estimate.value is None, (metric, key)
            assert estimate.reason
    assert found["dimension"]["rotation"].value == 2


def test_s10_half_a_circle_is_answered():
    half = Factor("rotation", -90, 90, "deg", 360.0)
    found = quick(swept(additive(I), [half]))
    assert found["dimension"]["rotation"].value == 2
    assert found["explained_variance"]["rotation"].value == pytest.approx(1, abs=1e-9)
    assert found["leakage"]["rotation", "z", "linear"].value == pytest.approx(1, abs=1e-6)


def test_a_range_without_the_identity_abstains_where_it_is_needed():
    found = quick(swept(additive(I), [Factor("translate_x", 2, 6, "px")]))
    assert "does not contain the neutral pose" in found["sensitivity"]["translate_x"].reason
    assert found["dimension"]["translate_x"].value == 1


def test_s11_ranks_are_flagged():
    content = contents(I, 500, 0)
    found = quick(swept(lambda who, pose: content[who] + 50 + 0.1 * pose[:, :1], joint=2, steps=5))
    rankme = found["health"]["rankme"]
    assert rankme.verdict == "fewer representations than dimensions; the mean holds 100% of the energy"
    assert found["health"]["participation"].details == {"N": 2 * I, "D": 500, "centred": True}
    assert found["health"]["rankme"].value < 3 < found["health"]["eigen_entropy"].value


def test_s12_values_bound_to_the_identities_are_flagged():
    """From arrays: the code holds content only, the pose follows it, so that a probe seems to read the pose."""
    content = contents(I, 4, 0)
    pose = content[:, :1, None] + 0.05 * torch.randn(I, 6, 1, generator=torch.Generator().manual_seed(1)).double()
    joint = content[:, None].expand(I, 6, 4).contiguous()
    sweep = content[:, None, None].expand(I, 1, 5, 4) + torch.linspace(-1, 1, 5)[:, None].double() * 1e-3
    factor = Factor("pose", -3, 3)
    sweeps = Sweeps.from_arrays(
        {"pose": sweep.contiguous()}, [factor], {"pose": torch.linspace(-3, 3, 5).double()}, LABELS, joint, pose
    )
    estimate = quick(sweeps)["leakage"]["pose", "z", "linear"]
    assert estimate.value > 0.9
    assert estimate.verdict == "the factor follows the identities: the probe may read content instead"
    assert estimate.details["between_identities"] > 0.95


def test_q_an_orthogonal_map_changes_no_figure(s1):
    q, plain = orthogonal(17, 5), additive(I)
    turned = quick(swept(lambda who, pose: plain(who, pose) @ q))
    for metric, key, estimate in every(s1):
        if metric == "axis_scores":
            continue  # scores of single dimensions: that a rotation changes them is their definition
        other = turned[metric][key]
        if metric != "alignment":  # its null's random subspaces are others when z is turned: at an edge it may flip
            assert other.verdict == estimate.verdict, (metric, key)
        if metric != "leakage" or key[1] != "class":
            assert other.value == pytest.approx(estimate.value, abs=1e-3), (metric, key)


def test_a_table_names_every_metric_and_aligns(s1):
    lines = s1.table().splitlines()
    assert all(any(line.startswith(f" {metric}: ") for line in lines) for metric in s1.estimates)
    assert any("more than permuted grids" in line for line in lines)
    assert "linear probes, from" in s1.table()
    assert len(s1.table(details=True).splitlines()) > len(lines) + 20


def test_a_diagnosis_is_saved_whole_and_loaded_equal(tmp_path, s1):
    s1.save(tmp_path / "diagnosis.json")
    loaded = Diagnosis.load(tmp_path / "diagnosis.json")
    assert loaded == s1
    assert [p.name for p in tmp_path.iterdir()] == ["diagnosis.json"]
    assert json.loads((tmp_path / "diagnosis.json").read_text())["schema"] == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, r"diagnosis.json: cannot be read \(No such file or directory\)"),
        ("{", "not a readable diagnosis"),
        ('{"schema": 99}', "of schema 99, and this version reads 3"),
        ('{"schema": 3, "estimates": [{}]}', "not a diagnosis"),
        ("[]", "of schema None"),
    ],
)
def test_a_file_that_is_no_diagnosis(tmp_path, content, says):
    path = tmp_path / "diagnosis.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=says):
        Diagnosis.load(path)


def test_baselines_stand_beside_and_are_paired(s1):
    base = additive(I)
    weaker = swept(lambda who, pose: base(who, pose * torch.tensor([1.0, 0.5, 1.0, 1.0]).double()))
    found = quick(swept(base), baselines={"weaker": weaker})
    row = next(line for line in found.table().splitlines() if "translate_x" in line)
    assert "weaker" in found.table()
    difference = found["sensitivity"]["translate_x"].minus(found.baselines["weaker"]["sensitivity"]["translate_x"])
    assert difference.verdict == "differs"
    assert difference.interval[0] > 0
    assert row.rstrip()[-1] in "*0123456789"


def test_figures_in_words():
    assert str(Estimate(0.5, (0.4, 0.6), 0.1, verdict="shared")) == "0.500 [0.400, 0.600], null 0.100, shared"
    assert str(Estimate(None, reason="the factor is constant")) == "not identifiable: the factor is constant"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: diagnose(Sweeps.from_function(noise(4), [ROTATION], 10, steps=5)), "10 identities; 20 are the least"),
        (
            lambda: quick(swept(noise(4)), skip=("probes",)),
            "'probes' is not one of effects, shared, subspaces",
        ),
        (lambda: diagnose(swept(noise(4)), probes=("svm",)), "'svm' is not one of linear, knn, mlp"),
        (
            lambda: quick(swept(noise(4)), baselines={"b": swept(noise(4), seed=1)}),
            "'b' was swept over other identities",
        ),
    ],
)
def test_mistakes_are_named(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_an_unknown_metric_is_named(s1):
    with pytest.raises(InputError, match="metric 'overlaps' is not one of sensitivity"):
        _ = s1["overlaps"]


def test_without_a_joint_design_the_rest_is_answered():
    sweeps = swept(additive(I), joint=0)
    found = quick(sweeps)
    assert found["leakage"]["rotation", "z", "linear"].reason == "the sweeps hold no joint design"
    assert found["health"]["rankme"].reason == "the sweeps hold no joint design"
    assert found["dimension"]["translate_x"].value == 1


def test_the_public_names():
    assert sj.diagnose is diagnose
    assert sj.Diagnosis is Diagnosis


def test_intervals_narrow_with_the_identities():
    widths = []
    for count in (32, 128):
        codes = Sweeps.from_function(additive(count), FACTORS, count, steps=9, base_poses=2, joint=4)
        low, high = quick(codes)["sensitivity"]["rotation"].interval
        widths.append(high - low)
    assert widths[1] < widths[0] / math.sqrt(2)


def test_s2_the_groups_estimates():
    found = quick(swept(multiplicative(I, 8), [ROTATION], steps=24), skip=("leakage", "health"))
    assert found["operator"]["rotation"].value == pytest.approx(1, abs=1e-3)
    assert found["composition"]["rotation"].value < 1e-3
    assert found["inverse"]["rotation"].value < 1e-3
    assert found["frequency"]["rotation"].value < 0.02
    assert {round(f) for f in found["frequency"]["rotation"].details["frequency"][:4]} == {1, 2}
    assert found["orbit_leading"]["rotation"].details["leading"] in (1, 2)
    assert found["orbit_aspect"]["rotation"].value > 0.2
    assert "leakage" not in found.estimates


def test_s4_even_a_network_explains_nothing():
    found = quick(swept(noise(8), [ROTATION]), skip=("leakage", "health"))
    for metric in ("operator", "composition", "inverse", "frequency"):
        assert found[metric]["rotation"].reason.startswith("nothing to act on: even a network explains")


def test_s10_full_circle_figures_abstain_on_half_a_circle():
    found = quick(swept(additive(I), [Factor("rotation", -90, 90, "deg", 360.0)]), skip=("leakage", "health"))
    for metric in ("frequency", "orbit_leading", "orbit_aspect"):
        assert found[metric]["rotation"].reason == "it needs the full circle"
    assert found["operator"]["rotation"].value > 0.99


def test_an_uneven_grid_has_no_operators():
    grid = torch.tensor([-3.0, -1.0, 0.0, 1.0, 4.0]).double()
    codes = torch.randn(I, 1, 5, 6, generator=torch.Generator().manual_seed(0))
    found = quick(Sweeps.from_arrays({"x": codes}, [Factor("x", -3, 4)], {"x": grid}), skip=("leakage", "health"))
    assert found["operator"]["x"].reason == "the grid is not evenly spaced"
    assert found["sensitivity"]["x"].value is not None


def test_a_diagnosis_keeps_its_split_and_its_subspaces(s1):
    sweeps = swept(additive(I))
    assert [len(part) for part in (s1.split.train, s1.split.validation, s1.split.test)] == [19, 5, 24]
    other = quick(sweeps, seed=1, skip=("group", "leakage", "health"))
    assert set(other.split.test) != set(s1.split.test)
    for name, basis in s1.subspaces.items():
        assert basis.shape == (17, 3)
        train = ~torch.isin(torch.arange(I), torch.tensor(s1.split.test))
        expected = factor_subspace(s1_sweep(sweeps, name), train, grid_kernel(sweeps, name))
        torch.testing.assert_close(basis, expected.directions(3), atol=1e-8, rtol=0)
    assert set(s1.subspaces) == {*(f.name for f in FACTORS), "translation"}


def s1_sweep(sweeps, name):
    shifts = [sweeps.values["translate_x"], sweeps.values["translate_y"]]
    return torch.cat(shifts, 1) if name == "translation" else sweeps.values[name]


@pytest.mark.parametrize(
    "wrong",
    [
        {"split": {"train": [0], "validation": [1], "test": [1]}},
        {"split": {"train": [0], "validation": [1], "test": [-1]}},
        {"split": {"train": [0, 1], "validation": [2], "test": []}},
        {"split": [0, 1]},
        {"subspaces": {"x": [[1.0], [1.0]]}},
        {"subspaces": {"x": [[1.0, 0.0], [0.0]]}},
        {"subspaces": {"x": [[1.0, 0, 0, 0]]}},
        {"subspaces": {"x": []}},
        {"subspaces": {"x": [[10**400]]}},
        {"subspaces": {"x": "text"}},
        {"subspaces": {"x": [["a"]]}},
        {"metrics": [{"name": "m"}]},
        {"metrics": [{"name": "m", "question": "?", "compute": "os.system"}]},
        {"metrics": {"m": 1}},
    ],
)
def test_a_split_or_subspace_that_is_none_is_refused(tmp_path, wrong):
    good = {"schema": 3, "metadata": {}, "estimates": [], "baselines": {}, "split": None}
    good |= {"subspaces": {}, "metrics": []}
    path = tmp_path / "diagnosis.json"
    path.write_text(json.dumps(good))
    assert Diagnosis.load(path) == Diagnosis({})
    path.write_text(json.dumps(good | wrong))
    with pytest.raises(InputError, match=r"diagnosis\.json: (not a|split|subspaces)"):
        Diagnosis.load(path)


def test_only_linear_probes_are_asked_unless_told():
    found = diagnose(swept(additive(I), [ROTATION], joint=2), skip=("group", "subspaces"), ideals=False)
    assert {key[2] for key in found["leakage"]} == {"linear"}


@pytest.mark.parametrize("identities", [21, 33, 35])
def test_halves_of_an_odd_number_of_identities(identities):
    """One half has a group to leave out more than the other, were each identity a group."""
    rest = [name for name in BLOCKS if name not in ("subspaces", "effects")]
    sweeps = Sweeps.from_function(additive(identities), FACTORS[:2], identities, steps=13, base_poses=2, joint=2)
    found = diagnose(sweeps, skip=rest, ideals=False)
    first, second = (factor.name for factor in FACTORS[:2])
    assert found["explained_variance"][first].value == pytest.approx(1, abs=1e-6)
    assert found["reliability"][first].value == pytest.approx(1, abs=1e-6)
    assert found["overlap"][first, second].value == pytest.approx(0, abs=1e-6)
    assert found["alignment"][first, second].value == pytest.approx(0, abs=1e-6)
