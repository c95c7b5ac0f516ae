"""What can be read and what cannot, told as it is: nulls, quiet directions, norms and parities, degenerate codes."""

import math

import pytest
import torch

from seqjepa.diagnostics import diagnose
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor
from tests.ground_truths import contents, orthogonal

ANGLE, X = Factor("angle", -180, 180, "deg", 360.0), Factor("x", -7, 7)


def swept(f, factors=(ANGLE, X), labels=None, identities=64, **more):
    return Sweeps.from_function(
        f, list(factors), identities, labels, **({"steps": 9, "base_poses": 1, "joint": 10} | more)
    )


def only(block, sweeps, probes=("linear",), **more):
    rest = [name for name in BLOCKS if name != block]
    return diagnose(sweeps, probes=probes, skip=rest, ideals=False, **more)


def noisy(seed, dim=16, identities=64):
    """Content, and noise for each view."""
    still, random = contents(identities, dim, seed), torch.Generator().manual_seed(seed)
    return lambda who, _: still[who] + 0.5 * torch.randn(len(who), dim, generator=random, dtype=torch.float64)


def circle(content_size, dim=8, identities=64):
    still, q = contents(identities, dim, 3), orthogonal(dim + 2, 4)

    def f(who, pose):
        angle = pose[:, :1].deg2rad()
        return torch.cat([content_size * still[who], angle.cos(), angle.sin()], 1) @ q

    return f


@pytest.mark.parametrize("content_size", [1.0, 1e2, 1e4])
@pytest.mark.parametrize("probe_name", ["linear", "knn", "mlp"])
def test_loud_content_does_not_hide_a_factor(content_size, probe_name):
    found = only("leakage", swept(circle(content_size)), [probe_name])["leakage"]
    assert found["angle", "z", probe_name].value > {"linear": 0.999, "knn": 0.3, "mlp": 0.8}[probe_name]
    assert found["angle", "z", probe_name].verdict == "above its null"


def test_what_noise_reads_is_at_its_null():
    said = []
    for seed in range(20):
        sweeps = swept(noisy(seed), seed=seed)
        for block, key in (("leakage", ("angle", "z", "linear")), ("action", ("x", "linear"))):
            found = only("actions" if block == "action" else block, sweeps)[block]
            said.append(found[key].verdict)
            assert found[key].null_interval[0] < found[key].null < found[key].null_interval[1]
    assert said.count("at its null") >= 38


@pytest.mark.parametrize("probe_name", ["knn", "mlp"])
def test_what_noise_reads_is_at_its_null_for_other_probes(probe_name):
    said = []
    for seed in range(5):
        found = only("leakage", swept(noisy(seed), seed=seed), [probe_name])["leakage"]
        said += [found[name, "z", probe_name].verdict for name in ("angle", "x")]
    assert said.count("at its null") >= 9


@pytest.mark.parametrize("kinds", [2, 4, 10])
@pytest.mark.parametrize("balanced", [True, False])
def test_a_class_that_is_not_there_is_at_its_null(kinds, balanced):
    said = []
    for seed in range(10):
        random = torch.Generator().manual_seed(seed)
        share = torch.ones(kinds) if balanced else 0.6 ** torch.arange(kinds)
        labels = torch.multinomial(share, 64, replacement=True, generator=random)
        sweeps = swept(noisy(seed), [X], labels, seed=seed, joint=4, steps=5)
        found = only("leakage", sweeps)
        estimate = found["leakage"]["class", "z", "linear"]
        best = float(labels[list(found.split.test)].bincount().max()) / 32
        assert estimate.null == pytest.approx(best)
        assert estimate.null >= 1 / kinds - 1e-12
        said.append(estimate.verdict)
    assert said.count("at its null") >= 9


def of_classes(make, identities=200, seed=0):
    """Representations in which the class stands as ``make`` has it, and labels, both balanced."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(identities) % 2
    codes = make(labels, torch.randn(identities, 3, generator=random, dtype=torch.float64))
    return swept(lambda who, _: codes[who], [X], labels, identities, steps=5, joint=4)


def norm(labels, directions):
    return directions / directions.norm(dim=1, keepdim=True) * (1 + 2.0 * labels[:, None])


def parity(labels, drawn):
    first = drawn[:, :1].sign()
    return torch.cat([first, first * (2.0 * labels[:, None] - 1)], 1) + 0.1 * drawn[:, 1:]


@pytest.mark.parametrize("make", [norm, parity])
@pytest.mark.parametrize("probe_name", ["knn", "mlp"])
def test_a_class_in_a_norm_or_a_parity_is_told_by_the_probe_that_can_read_it_and_by_no_other(make, probe_name):
    found = only("leakage", of_classes(make), ("linear", probe_name))["leakage"]
    assert found["class", "z", probe_name].value > 0.9
    assert found["class", "z", probe_name].verdict == "above its null"
    assert found["class", "z", "linear"].value < 0.7
    assert found["class", "z", "linear"].verdict == "at its null"


def only_angle(content=0):
    still = contents(64, max(content, 1), 1)

    def f(who, pose):
        angle = pose[:, :1].deg2rad()
        return torch.cat([still[who][:, :content], 3 * angle.cos(), 3 * angle.sin()], 1)

    return f


@pytest.mark.parametrize("content", [0, 4])
def test_a_difference_of_angles_is_read_from_a_code_that_is_the_angle(content):
    found = only("actions", swept(only_angle(content), [ANGLE], steps=25, joint=20))
    assert found["action"]["angle", "linear"].value > 0.999
    assert found["action_error"]["angle", "linear"].value < 1


def test_a_difference_of_angles_is_read_beside_loud_content():
    found = only("actions", swept(circle(1e4), [ANGLE], joint=20))
    assert found["action"]["angle", "linear"].value > 0.999


# R² lost


def test_no_more_than_all_that_is_read_can_be_lost():
    still, q, random = contents(64, 40, 3), orthogonal(200, 8)[:, :42], torch.Generator().manual_seed(3)

    def f(who, pose):
        seen = torch.cat([still[who], pose[:, :2] / 3], 1) @ q.T
        return seen + 0.05 * torch.randn(len(who), 200, generator=random, dtype=torch.float64)

    found = diagnose(swept(f, [X, Factor("y", -7, 7)], joint=4), probes=("linear",), skip=SKIP)
    for name in ("x", "y"):
        lost, whole = found["r2_lost"][name], found["leakage"][name, "z", "linear"]
        assert 0 < lost.value <= whole.value
        assert lost.interval[1] <= whole.interval[1] + 1e-3  # resamples of few are widened around each value


def test_nothing_can_be_lost_of_what_is_not_read():
    found = diagnose(swept(noisy(0)), probes=("linear",), skip=SKIP)["r2_lost"]
    assert all(estimate.value is None for estimate in found.values())


def test_the_rest_of_a_code_that_is_all_subspace_reads_nothing():
    """What a projection leaves of a line is rounding, from which the line must not be read."""
    q = orthogonal(6, 1)
    f = lambda who, pose: torch.cat([pose[:, :1], torch.zeros(len(who), 5).double()], 1) @ q  # noqa: E731
    found = diagnose(swept(f, [X]), probes=("linear",), skip=SKIP)
    rest = found["leakage"]["x", "without x", "linear"]
    assert rest.value is None or rest.value < 0.05
    assert found["leakage"]["x", "z", "linear"].value == pytest.approx(1)


SKIP = tuple(name for name in BLOCKS if name not in ("subspaces", "leakage"))


# Transfer to unseen classes


@pytest.mark.parametrize("invariant", [True, False])
def test_of_a_probe_that_reads_nothing_no_transfer_is_told(invariant):
    still, labels = contents(64, 6, 5), torch.arange(64) % 4
    f = (lambda who, _: still[who]) if invariant else (lambda who, _: still[:1].expand(len(who), 6).clone())
    found = only("contents", swept(f, labels=labels))["cross_class_transfer"]
    assert {estimate.verdict for estimate in found.values()} == {"nothing is read"}


def test_a_negligible_drop_is_none():
    """Each class moves the factor's direction a little, which only a probe that knows the class sets right."""
    labels = torch.arange(160) % 4
    shift = torch.tensor([0.2, -0.2, 0.3, -0.25], dtype=torch.float64)

    def f(who, pose):
        kind = torch.nn.functional.one_hot(labels[who], 4).double()
        return torch.cat([kind, pose[:, :1] + shift[labels[who]][:, None]], 1)

    found = only("contents", swept(f, [X], labels, 160))["cross_class_transfer"]["x", "absolute", "linear"]
    assert 0.002 < found.details["drop_interval"][0] < found.details["drop"] < 0.02
    assert found.verdict == "no lower on unseen classes"


# Degenerate codes


def finite(estimate):
    numbers = [estimate.value, estimate.null, estimate.p, *(estimate.interval or ()), *(estimate.null_interval or ())]
    return all(number is None or math.isfinite(number) for number in numbers)


STILL = contents(64, 6, 2)
DEGENERATE = {
    "constant": lambda who, _: torch.full((len(who), 6), 1.7, dtype=torch.float64),
    "constant, far off": lambda who, _: torch.full((len(who), 6), 1e8 + 0.1, dtype=torch.float64),
    "invariant": lambda who, _: STILL[who],
    "nearly constant": lambda who, _: 1 + 1e-13 * STILL[who],
    "one dimension, invariant": lambda who, _: STILL[who][:, :1],
    "far off": lambda who, _: STILL[who] + 1e8,
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("probe_name", ["linear", "knn", "mlp"])
def test_a_degenerate_code_reads_nothing_and_no_number_is_none(name, probe_name):
    labels = torch.arange(64) % 4
    sweeps = swept(DEGENERATE[name], labels=labels, joint=6)
    for block in ("leakage", "actions", "contents"):
        for metric, estimates in only(block, sweeps, [probe_name]).estimates.items():
            assert all(map(finite, estimates.values()))
            if metric in ("leakage", "action"):
                said = {e.verdict for e in estimates.values() if e.value is not None}
                assert said <= {"at its null"}, (metric, said)


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_one_dimension_that_is_the_factor(offset):
    found = only("leakage", swept(lambda _, pose: pose[:, :1] + offset, [X]))["leakage"]
    assert found["x", "z", "linear"].value == pytest.approx(1, abs=1e-9)


def test_one_identity_a_class_has_no_class_to_read():
    found = only("leakage", swept(noisy(0), labels=torch.arange(64)))["leakage"]
    assert "of classes that none was trained on" in found["class", "z", "linear"].reason
