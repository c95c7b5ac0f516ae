"""The block ``sequences`` against aggregators whose every answer is known by construction."""

import math
from dataclasses import replace

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.blocks.sequences import HITS, sequence_estimates
from seqjepa.diagnostics.context import Context
from seqjepa.diagnostics.measures.across_ranges import inside
from seqjepa.diagnostics.registry import METRICS
from seqjepa.extraction.sequences import LENGTHS, knows_actions, seen_ranges, sequences_of
from seqjepa.factors import affine_factors
from seqjepa.sweeps.containers import FORMS

FACTORS = affine_factors(translate_x=(-7, 7), translate_y=(-7, 7))
SIGMA = 2.0  # of the class's noise in a single view
CPU = torch.device("cpu")


class Known:
    """z is (class and noise, x, y); actions are differences of x and y. ``keeps`` says what of the path z_agg holds."""

    observed, parts = 3, {"z": slice(None)}
    varying = affine_factors(translate_x=(-3.5, 3.5), translate_y=(-7, 7))

    def __init__(self, keeps="sum", predicts="moved"):
        self.keeps, self.predicts = keeps, predicts

    def actions(self, poses):
        return poses[:, 1:, 1:3] - poses[:, :-1, 1:3]

    def aggregate(self, z, actions):
        if actions is None or not actions.shape[1]:
            path = z.new_zeros(len(z), 2)
        else:
            path = actions.sum(1) if self.keeps == "sum" else actions[:, -1]
        return torch.cat([z.mean(1), path], 1)

    def predict(self, z, actions):
        if self.predicts == "noise":
            return torch.randn(z[:, -1].shape, generator=torch.Generator().manual_seed(0))
        step = torch.cat([torch.zeros_like(z[:, -1, :1]), actions[:, -1]], 1)
        return z[:, -1] + step


def view(who, poses, labels, sigma=SIGMA):
    """Noise is a fixed function of the pose, normal across poses."""
    uniform = (1e4 * (poses[:, 1] * 1.37 + poses[:, 2] * 2.71).sin()).frac().abs().clamp(1e-6, 1 - 1e-6)
    noise = math.sqrt(2) * torch.erfinv(2 * uniform - 1)
    return torch.stack([2.0 * labels[who] - 1 + sigma * noise, poses[:, 1], poses[:, 2]], 1)


def context(encoder, identities=240, sigma=SIGMA, labelled=True):
    labels = torch.arange(identities) % 2
    sweeps = sj.Sweeps.from_function(
        lambda who, poses: view(who, poses, labels, sigma), FACTORS, identities, labels, steps=3, base_poses=1
    )
    sweeps = replace(sweeps, labels=labels if labelled else torch.full_like(labels, -1))
    if encoder is not None:
        found = sequences_of(encoder, sweeps.joint, sweeps.joint_poses, sweeps.factors, CPU)
        sweeps = replace(sweeps, sequences=replace(found, seen=seen_ranges(encoder, FACTORS)))
    return Context.of(sweeps, 0, ["linear"])


def phi(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


@pytest.fixture(scope="module")
def summed():
    return sequence_estimates(context(Known()))


@pytest.fixture(scope="module")
def forgetful():
    return sequence_estimates(context(Known("last")))


def test_a_sum_of_actions_integrates_every_path(summed):
    for form, expected in (("vision and action", 1.0), ("action", 1.0), ("vision", 0.0)):
        for length in (n for n in LENGTHS if n > 1):
            for name in ("translate_x", "translate_y"):
                of = summed["path_integration"][name, form, str(length)]
                assert of.value == pytest.approx(expected, abs=0.06), (form, length)
                assert of.verdict == ("above its null" if expected else "at its null")
                assert of.details["views_in_training"] == 3
    # A sum means the same whatever the length.
    assert all(of.value > 0.99 and of.verdict == "above its null" for of in summed["sequence_r2"].values())


def test_the_last_action_alone_is_a_quarter_of_a_path(forgetful):
    """x₃ - x₁ from x₃ - x₂ of independent places: R² 1/4, at any length above 2; with the coefficient 1/2, not 1."""
    for length in LENGTHS[2:]:
        value = forgetful["path_integration"]["translate_x", "vision and action", str(length)].value
        # z_agg also holds the mean view, which adds a little: cov(mean, path | last step) of the places between.
        assert 0.2 < value < 0.45, length
    action = forgetful["path_integration"]
    assert action["translate_x", "action", "3"].value == pytest.approx(0.25, abs=0.08)
    assert action["translate_x", "action", "8"].value == pytest.approx(0.25, abs=0.08)
    assert action["translate_x", "action", "2"].value == pytest.approx(1, abs=1e-3)
    r2 = forgetful["sequence_r2"]
    assert r2["translate_x", "2", "2"].value > 0.99
    assert r2["translate_x", "2", "5"].value == pytest.approx(0, abs=0.15)  # residual as large as the path


def test_accuracy_grows_with_the_views_as_averages_do(summed):
    """Of the mean of M views with independent noise σ: Φ(√M / σ), wherever the probe was fitted: its threshold is 0."""
    for fitted in LENGTHS:
        for tested in LENGTHS:
            of = summed["sequence_accuracy"][str(fitted), str(tested)]
            assert of.value == pytest.approx(phi(math.sqrt(tested) / SIGMA), abs=0.07), (fitted, tested)
            assert of.verdict == "above its null"


def test_the_gap_between_one_view_and_the_mean_of_three(summed):
    gap = summed["aggregation_gap"]
    expected = phi(math.sqrt(3) / SIGMA) - phi(1 / SIGMA)
    assert gap["class"].interval[0] < expected < gap["class"].interval[1]
    assert gap["class"].verdict == "differs"
    for name in ("translate_x", "translate_y"):  # a place from the mean of three: R² 1/3, and 1 from the view itself
        assert gap[name].value == pytest.approx(-2 / 3, abs=0.06)
        assert gap[name].details["z"] == pytest.approx(1, abs=1e-3)
        assert gap[name].verdict == "differs"


def test_a_predictor_that_moves_as_the_action_says():
    found = sequence_estimates(context(Known(), sigma=0.0))
    assert [found["next_view"][score].value for score in ("mrr", *(f"h@{k}" for k in HITS))] == pytest.approx([1] * 5)
    error = found["prediction_error"]["next view"]
    assert error.value == pytest.approx(0, abs=1e-9)
    assert error.null > 0.1
    assert error.verdict == "below its null"


def test_a_predictor_of_noise_is_at_chance():
    found = sequence_estimates(context(Known(predicts="noise")))
    candidates = 19
    chance = {"mrr": sum(1 / n for n in range(1, 20)) / 19} | {f"h@{k}": k / candidates for k in HITS}
    for score, expected in chance.items():
        of = found["next_view"][score]
        assert of.null == pytest.approx(expected)
        assert of.interval[0] < expected + 0.05
        assert of.interval[1] > expected - 0.05
    assert found["prediction_error"]["next view"].value == pytest.approx(1, abs=0.15)


def test_without_classes_or_an_aggregator_it_says_why():
    found = sequence_estimates(context(Known(), identities=40, labelled=False))
    assert {of.reason for of in found["sequence_accuracy"].values()} == {
        "the identities have no labels, or all the same one"
    }
    assert found["aggregation_gap"]["class"].value is None
    assert found["aggregation_gap"]["translate_x"].value is not None
    missing = sequence_estimates(context(None, identities=40))
    for metric, of in missing.items():
        for key, estimate in of.items():
            assert "has no aggregator" in estimate.reason
            assert len(METRICS[metric].of) == (1 if isinstance(key, str) else len(key))


def test_every_estimate_has_its_entry_a_null_and_a_place_in_its_key(summed):
    entries = {name for name, metric in METRICS.items() if metric.block == "sequences"}
    assert set(summed) == entries
    for name, of in summed.items():
        assert METRICS[name].ideal
        for key, estimate in of.items():
            assert len(METRICS[name].of) == (1 if isinstance(key, str) else len(key))
            if key != ("translate_y", "unseen"):  # which is swept no farther than it was trained
                assert estimate.null is not None
                assert estimate.p is not None


def test_a_code_of_the_seen_range_alone_is_read_there_alone():
    """x stands in z where it was trained on, and nothing of it beyond; y was trained as far as it is swept."""
    base = context(Known()).sweeps
    known = base.joint[..., 1].abs() <= 3.5
    joint = torch.stack([base.joint[..., 0], base.joint[..., 1] * known, base.joint[..., 2]], -1)
    found = sequence_estimates(Context.of(replace(base, joint=joint), 0, ["linear"]))["seen_range"]
    seen, unseen = found["translate_x", "seen"], found["translate_x", "unseen"]
    assert seen.value == pytest.approx(1, abs=1e-3)
    assert seen.verdict == "above its null"
    assert unseen.value == pytest.approx(0, abs=0.02)
    assert unseen.verdict == "at its null"
    held_out = base.joint[Context.of(base, 0, ["linear"]).split.test].shape[:2].numel()
    assert seen.details["views"] + unseen.details["views"] == held_out
    assert (seen.details["low"], seen.details["high"]) == (-3.5, 3.5)
    assert found["translate_y", "seen"].value == pytest.approx(1, abs=1e-3)
    assert found["translate_y", "unseen"].reason == "no view lies beyond the range of training, -7 to 7"


def test_a_code_of_all_values_is_read_in_both_ranges(summed):
    for name in ("seen", "unseen"):
        assert summed["seen_range"]["translate_x", name].value == pytest.approx(1, abs=1e-3)
        assert summed["seen_range"]["translate_x", name].interval[0] > 0.99


def test_a_range_that_is_not_known_or_hardly_looked_at_says_so():
    silent = Known()
    silent.varying = None
    found = sequence_estimates(context(silent, identities=40))["seen_range"]
    assert "does not say on which values" in found["translate_x", "seen"].reason
    narrow = Known()
    narrow.varying = affine_factors(translate_x=(-6.9, 6.9))
    found = sequence_estimates(context(narrow, identities=40))["seen_range"]
    assert "20 are the least" in found["translate_x", "unseen"].reason
    assert "does not say" in found["translate_y", "seen"].reason


def test_ranges_of_training_are_those_of_the_same_factor():
    hue, turned = sj.Factor("hue", -180, 180, "deg", 360.0), sj.Factor("hue", -180, 180, "rad")
    of_scene = Known()
    of_scene.varying = [sj.Factor("hue", -36, 36, "deg", 360.0), sj.Factor.rotation("orientation")]
    assert seen_ranges(of_scene, (hue, sj.Factor.rotation("orientation"))) == {"hue": (-36, 36)}
    assert seen_ranges(of_scene, (turned,)) == {}
    assert seen_ranges(object(), (hue,)) == {}


def test_a_cyclic_range_is_the_same_a_period_on():
    values = torch.tensor([-36.0, 0, 36, 37, 324, 323, 360, -324, 180], dtype=torch.float64)
    expected = [True, True, True, False, True, False, True, True, False]
    assert inside(values, -36.0, 36.0, 360.0).tolist() == expected
    assert inside(values, -36.0, 36.0).tolist() == [True] * 3 + [False] * 6


def test_sequences_are_saved_and_read_again(tmp_path):
    sweeps = context(Known(), identities=24).sweeps
    sweeps.save(tmp_path / "sweeps.safetensors")
    again = sj.Sweeps.load(tmp_path / "sweeps.safetensors").sequences
    assert (again.observed, again.lengths) == (3, list(LENGTHS))
    assert torch.equal(again.last, sweeps.sequences.last)
    assert torch.equal(again.upcoming, sweeps.sequences.upcoming)
    assert all(torch.equal(again.aggregates[name], codes) for name, codes in sweeps.sequences.aggregates.items())
    assert again.seen == {"translate_x": (-3.5, 3.5), "translate_y": (-7, 7)}
    assert set(again.aggregates) == {f"{form} {length}" for form in FORMS for length in LENGTHS}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (dict(last=torch.tensor([1, 2, 3, 20])), "no places of the joint design's 20"),
        (dict(observed=0), "0 in training"),
        (dict(upcoming=torch.zeros(24, 4, 2)), "predictions of 2 dimensions, representations 3"),
        (dict(upcoming=torch.full((24, 4, 3), math.nan)), "not finite"),
        (dict(seen={"hue": (0, 1)}), "0 to 1 is no range of hue"),
        (dict(seen={"translate_x": (math.nan, 1)}), "is no range of translate_x"),
        (dict(aggregates={"vision 2": torch.zeros(24, 4, 3)}), "each form of each length is needed"),
    ],
)
def test_sequences_that_do_not_fit_are_refused(changes, told):
    sweeps = context(Known(), identities=24).sweeps
    with pytest.raises(sj.InputError, match=told):
        replace(sweeps, sequences=replace(sweeps.sequences, **changes))


def test_actions_are_known_of_affine_factors_or_of_the_scene_trained_on():
    hue = sj.Factor("hue", 0, 360, "deg", 360.0)
    assert knows_actions(Known(), FACTORS)
    assert not knows_actions(Known(), (hue,))
    of_scene = Known()
    of_scene.moves = (hue, sj.Factor.rotation("orientation"))
    assert knows_actions(of_scene, (hue,))
    assert not knows_actions(of_scene, FACTORS)
