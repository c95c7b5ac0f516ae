"""Actions, the class probe, contents never seen and retrieval, against codes whose answer is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqjepa.diagnostics import diagnose
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.measures.ranking import Placed, placed, retrieval_scores
from seqjepa.diagnostics.measures.relative_probe import (
    median_over_identities,
    relative_values,
    view_pairs,
)
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.containers import Predictions, ProbeSet
from seqjepa.types import Factor, NotIdentifiable
from tests.ground_truths import FACTORS, additive, contents, multiplicative, noise

I = 60  # noqa: E741
ROTATION, X, _, SCALE = FACTORS
LABELS = torch.arange(I) % 4


def swept(f, factors=FACTORS, labels=LABELS, **more):
    return Sweeps.from_function(f, factors, len(labels), labels, **({"steps": 9, "base_poses": 2, "joint": 8} | more))


def only(block, sweeps, probes=("linear",), **more):
    rest = [name for name in BLOCKS if name != block]
    return diagnose(sweeps, probes=probes, skip=rest, ideals=False, **more)


# Row 7


def test_s1_differences_are_read_linearly_and_angles_by_a_network():
    found = only("actions", swept(additive(I), joint=20), ("linear", "mlp"))
    for name in ("translate_x", "translate_y", "scale"):
        assert found["action"][name, "linear"].value == pytest.approx(1, abs=1e-6)
    assert found["action_error"]["translate_x", "linear"].value < 0.01
    assert found["action_error"]["translate_x", "linear"].null == pytest.approx(4.1, abs=0.5)
    assert found["action_error"]["scale", "linear"].value < 1.001
    # sin(θ₂ - θ₁) is a product of the codes, which the linear probe is given.
    assert found["action"]["rotation", "linear"].value > 0.99
    assert found["action_error"]["rotation", "linear"].value < 3
    assert "products" in found["action"]["rotation", "linear"].details["probe"]
    assert found["action"]["rotation", "mlp"].value > 0.8
    error = found["action_error"]["rotation", "mlp"]
    assert error.null == pytest.approx(90, abs=6)
    assert error.interval[0] <= error.value <= error.interval[1] < 25


def test_s3_and_s4_nothing_is_read():
    still, random = contents(I, 6, 0), torch.Generator().manual_seed(1)
    invariant = swept(lambda who, _: still[who] + 1e-3 * torch.randn(len(who), 6, generator=random).double())
    for sweeps in (invariant, swept(noise(6))):
        found = only("actions", sweeps)
        for factor in FACTORS:
            assert found["action"][factor.name, "linear"].verdict == "at its null"
            low, high = found["action_error"][factor.name, "linear"].interval
            null = found["action_error"][factor.name, "linear"].null
            assert low < null * 1.05
            assert high > null * 0.9


def test_s10_a_constant_factor_has_no_action():
    still = Factor("translate_x", 0, 0, "px")
    found = only("actions", swept(additive(I), [ROTATION, still]))
    assert found["action"]["translate_x", "linear"].reason == "the factor is constant"
    assert found["action"]["rotation", "linear"].value is not None


def test_a_single_view_makes_no_pair():
    found = only("actions", swept(additive(I), joint=1))
    assert "no two views" in found["action"]["rotation", "linear"].reason
    with pytest.raises(NotIdentifiable, match="no two views"):
        view_pairs(torch.zeros(3, 1, 2))


def test_relative_values_go_around():
    values = torch.tensor([[[10.0, 2.0], [350.0, 4.0], [50.0, 1.0]]])
    factors = [Factor("rotation", -180, 180, "deg", 360.0), Factor("scale", 0.5, 4, "ratio", None, True)]
    found = relative_values(factors, torch.cat([values, values + 1]))
    assert found["rotation"][0][0, :, 0].tolist() == [340, -300, -40]
    assert found["scale"][0][0, :, 0].tolist() == [2, 0.25, 2]
    torch.testing.assert_close(found["rotation"][1][0, 0, 0], torch.tensor(math.sin(math.radians(-20))).double())


def test_errors_in_the_factors_own_units():
    def error(factor, read, true):
        return float(factor.kind.error(torch.tensor([read]).double(), torch.tensor([true]).double()))

    assert error(ROTATION, 179.0, -179.0) == pytest.approx(2)
    assert error(ROTATION, 350.0, 0.0) == pytest.approx(10)
    assert error(X, 3.0, -1.0) == pytest.approx(4)
    assert error(SCALE, 0.5, 1.0) == error(SCALE, 1.0, 0.5) == pytest.approx(2)


def test_what_is_said_without_a_code():
    assert X.kind.constant(torch.tensor([[1.0], [2.0], [30.0]])).tolist() == [2]
    assert float(ROTATION.kind.constant(torch.tensor([[170.0], [-170.0]]))) == pytest.approx(180)


def test_the_bootstrap_of_a_median_is_the_median_of_a_bootstrap():
    errors = torch.rand(30, 7, generator=torch.Generator().manual_seed(0)).double()
    found = median_over_identities(errors)
    assert found.value == pytest.approx(float(errors.median()))
    random = np.random.default_rng(0)
    drawn = [np.median(errors.numpy()[random.integers(30, size=30)]) for _ in range(2000)]
    np.testing.assert_allclose(found.interval(), np.quantile(drawn, [0.025, 0.975]), atol=0.02)


def test_many_identities_are_resampled_in_groups():
    errors = torch.rand(4000, 1, generator=torch.Generator().manual_seed(0)).double()
    low, high = median_over_identities(errors).interval()
    assert 0.7 * 1.96 / math.sqrt(4000) < high - low < 1.4 * 1.96 / math.sqrt(4000)  # 1 / (2 f √n) a side


# Row 8, and row 7 on many images


def probed(count=600, classes=3):
    """Codes that hold the class in one place, the angle in two others, and much else."""
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (2 * count,), generator=random)
    angle = 360 * torch.rand(2 * count, 2, 1, generator=random).double() - 180
    held = torch.stack([angle.deg2rad().sin(), angle.deg2rad().cos()], -1)[:, :, 0]
    much = torch.randn(2 * count, 2, 5, generator=random).double()
    codes = torch.cat([held, torch.nn.functional.one_hot(labels).double()[:, None].expand(-1, 2, -1), much], -1)
    return ProbeSet(codes[:count], angle[:count], labels[:count], codes[count:], angle[count:], labels[count:])


def test_the_class_is_read_from_many_images():
    sweeps = replace(swept(noise(10), [ROTATION]), probe=probed())
    found = only("classes", sweeps, ("linear", "knn", "mlp"))["class_probe"]
    assert set(found) == {"linear", "knn"}
    assert found["linear"].value > 0.99
    assert 0.8 < found["knn"].value < 1
    assert found["linear"].null == pytest.approx(1 / 3, abs=0.06)
    assert found["linear"].details == {"trained on": 600, "tested on": 600}
    assert found["linear"].null >= 1 / 3 - 1e-12


def test_a_class_probe_of_noise_is_at_its_null():
    random = torch.Generator().manual_seed(5)
    train, test = (torch.randn(600, 2, 6, generator=random).double() for _ in range(2))
    found = only("classes", replace(swept(noise(6), [ROTATION]), probe=replace(probed(), train=train, test=test)))
    low, high = found["class_probe"]["linear"].interval
    assert low < 0.36
    assert high > 0.30


def test_without_many_images_there_is_no_class_probe():
    assert "probe_images" in only("classes", swept(noise(6)))["class_probe"]["linear"].reason


def test_actions_are_read_from_many_images_where_there_are():
    found = only("actions", replace(swept(noise(10), [ROTATION]), probe=probed(2000)), ("mlp",))
    estimate = found["action"]["rotation", "mlp"]
    assert estimate.value > 0.9
    assert estimate.details["tested on"] == 2000
    assert len(estimate.details["true"]) == len(estimate.details["predicted"]) == 500
    assert max(map(abs, estimate.details["true"])) <= 180
    apart = np.abs(np.array(estimate.details["true"]) - estimate.details["predicted"])
    assert np.median(np.minimum(apart, 360 - apart)) < 15


# Row 9


def test_s1_an_additive_factor_transfers():
    found = only("contents", swept(additive(160), labels=torch.arange(160) % 4))["cross_class_transfer"]
    for name in ("translate_x", "translate_y", "scale"):
        assert found[name, "absolute", "linear"].value == pytest.approx(1, abs=1e-6)
        assert found[name, "relative", "linear"].value == pytest.approx(1, abs=1e-6)
        assert found[name, "absolute", "linear"].verdict == "no lower on unseen classes"


def test_s12_a_pose_that_follows_the_content_drops_on_contents_never_seen():
    """From arrays: the code holds the class only, the pose follows the class, each class in its own direction."""
    count = 160
    labels = torch.arange(count) % 4
    pose_of = torch.tensor([-3.0, 3.0, -2.0, 2.5]).double()
    random = torch.Generator().manual_seed(1)
    joint = torch.nn.functional.one_hot(labels).double()[:, None].expand(count, 6, 4)
    joint = joint + 0.05 * torch.randn(count, 6, 4, generator=random).double()
    pose = pose_of[labels][:, None, None] + 0.1 * torch.randn(count, 6, 1, generator=random).double()
    sweep = joint[:, None, :5].contiguous()
    sweeps = Sweeps.from_arrays(
        {"pose": sweep}, [Factor("pose", -4, 4)], {"pose": torch.linspace(-4, 4, 5).double()}, labels, joint, pose
    )
    estimate = only("contents", sweeps)["cross_class_transfer"]["pose", "absolute", "linear"]
    assert estimate.details["all_classes"] > 0.6
    assert estimate.value < 0.5
    assert estimate.verdict == "lower on unseen classes"
    assert estimate.details["drop_interval"][0] > 0.3


def test_unlabelled_identities_have_no_other_contents():
    found = only("contents", swept(additive(I), labels=torch.full((I,), -1)))["cross_class_transfer"]
    assert {f.reason for f in found.values()} == {"the identities have no labels, or all the same one"}


def test_too_few_of_a_class():
    found = only("contents", swept(additive(I), labels=(torch.arange(I) == 0).long()))["cross_class_transfer"]
    assert all("fewer than 5 identities" in f.reason for f in found.values())


# Row 15


def test_ranks_by_hand():
    codes = torch.eye(4).double()[None, None].repeat(2, 1, 1, 1)  # G = 4 orthogonal codes
    predicted = torch.tensor([[1.0, 0.5, 0.2, 0.0], [0.1, 0.9, 0.9, 0.9]]).double()
    predictions = Predictions(
        predicted.reshape(2, 1, 1, 4), torch.zeros(2, 1, 1, dtype=torch.long), torch.tensor([2, 3]).reshape(2, 1, 1)
    )
    found = placed(predictions, codes)
    assert found.nearer.flatten().tolist() == [1, 0]  # second after the source is left out
    assert found.equal.flatten().tolist() == [0, 2]  # three equals, in any order
    scores = retrieval_scores(found, 3)
    assert scores["mrr"][1] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert scores["mrr"][0].value == pytest.approx((0.5 + (1 + 1 / 2 + 1 / 3) / 3) / 2)
    assert scores["h@1"][0].value == pytest.approx((0 + 1 / 3) / 2)
    assert scores["h@5"][0].value == 1


def test_the_chance_of_35_candidates():
    nobody = torch.zeros(3, 1, 1).double()
    assert retrieval_scores(Placed(nobody, nobody), 35)["mrr"][1] == pytest.approx(0.118, abs=5e-4)


def guessing(sweeps, exact):
    random = torch.Generator().manual_seed(0)
    z = sweeps.values["rotation"]
    order = torch.rand(*z.shape[:2], 4, z.shape[2], generator=random).argsort(-1)
    at = order[..., 1, None].expand(-1, -1, -1, z.shape[-1])
    right = z.gather(2, at)
    predicted = right if exact else torch.randn(right.shape, generator=random).double()
    return replace(sweeps, predictions={"rotation": Predictions(predicted, order[..., 0], order[..., 1])})


def test_a_predictor_that_knows_and_one_that_does_not():
    sweeps = swept(multiplicative(I), [ROTATION], steps=36)
    knows = only("retrieval", guessing(sweeps, True))["retrieval"]
    assert knows["rotation", "h@1"].value == knows["rotation", "mrr"].value == 1
    predictions = only("retrieval", guessing(sweeps, False))["retrieval"]
    for score in ("mrr", "h@1", "h@5"):
        low, high = predictions["rotation", score].interval
        assert low - 0.02 < predictions["rotation", score].null < high + 0.02
    assert predictions["rotation", "mrr"].null == pytest.approx(0.118, abs=5e-4)


def test_without_a_predictor_there_is_nothing_to_retrieve():
    found = only("retrieval", swept(additive(I), [ROTATION]))["retrieval"]
    assert all("no predictor" in estimate.reason for estimate in found.values())


def test_predictions_of_another_space():
    predictions = Predictions(torch.zeros(2, 1, 1, 3), torch.zeros(2, 1, 1).long(), torch.ones(2, 1, 1).long())
    with pytest.raises(NotIdentifiable, match="predictions have 3 dimensions, representations 4"):
        placed(predictions, torch.zeros(2, 1, 5, 4))


# What is made of the code, and its parts


def test_parts_and_aggregates_are_read_like_the_code():
    sweeps = swept(additive(I))
    also = {"z_agg": sweeps.joint[..., :3], "z_agg permuted": sweeps.joint + 0.0}
    found = only("leakage", replace(sweeps, extra=also, parts={"pose": (0, 5), "content": (5, 17)}))["leakage"]
    assert found["translate_x", "z_agg permuted", "linear"].value == found["translate_x", "z", "linear"].value
    assert "the actions are its input" in found["translate_x", "z_agg", "linear"].reason
    assert found["class", "z_agg", "linear"].value is not None
    assert 0 < found["translate_x", "part pose", "linear"].value < found["translate_x", "z", "linear"].value


def test_a_part_that_bears_a_factors_name_is_not_taken_for_its_subspace():
    found = only("leakage", replace(swept(additive(I)), parts={"translate_x": (0, 1)}))["leakage"]
    subspace, part = (found["translate_x", source, "linear"].value for source in ("translate_x", "part translate_x"))
    assert subspace > 0.99 > 0.9 > part  # one mixed column of the code holds little of it
