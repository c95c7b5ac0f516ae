"""Formulas made wrong on purpose: for each, a test of the diagnostics must fail. Seconds each: ``make slow``.

`killers.json` remembers which test saw which mutation. It says only which test to try first: where that one no longer
fails, all are run, and the file is written anew with the test that does.
"""

import json
from pathlib import Path

import pytest
from filelock import FileLock

from seqjepa.io.files import write_atomic
from tests.diagnostics.mutating import ROOT, first_failure, linked_package, make_wrong
from tests.diagnostics.mutations import BY_QUESTION

KILLERS = Path(__file__).with_name("killers.json")
MUTATIONS = {  # what is made wrong: (file, as it is, as it is not)
    "orbits are not centred": ("measures/subspaces.py", "return z - z.mean(2, keepdim=True)", "return z"),
    "centred over everything": ("measures/subspaces.py", "z.mean(2, keepdim=True)", "z.mean((0, 1, 2))"),
    "k_f · k_g for min(k_f, k_g)": (
        "measures/subspaces.py",
        "/ min(u.shape[1], v.shape[1])",
        "/ (u.shape[1] * v.shape[1])",
    ),
    "max for min": ("measures/subspaces.py", "/ min(u.shape[1], v.shape[1])", "/ max(u.shape[1], v.shape[1])"),
    "in-sample for held-out": (
        "measures/subspaces.py",
        "(signal_along(parts[0], second.basis, kernels[0]), signal_along(parts[1], first.basis, kernels[1]))",
        "(signal_along(parts[0], first.basis, kernels[0]), signal_along(parts[1], second.basis, kernels[1]))",
    ),
    "the smallest directions for the largest": (
        "measures/directions.py",
        "leading_directions(inside,",
        "leading_directions(-inside,",
    ),
    "orbits that are not divided by their own noise": (
        "measures/order.py",
        "(signal / spread.clamp(min=1e-150))",
        "signal",
    ),
    "evidence on the half that fitted it": (
        "measures/subspaces.py",
        "order_evidence(parts[1 - half],",
        "order_evidence(parts[half],",
    ),
    "no ridge where dimensions are not few": (
        "measures/directions.py",
        "values = values + values.sum() / found.degrees",
        "pass",
    ),
    "patterns as noise has them": ("measures/directions.py", "best / (best + noisy)", "1"),
    "all that moves for the signal": (
        "measures/directions.py",
        "predicted = own_kernel @ orbits",
        "predicted = orbits",
    ),
    "separate without being small": ("measures/overlaps.py", "interval[1] < SMALL and", ""),
    "the directions held in alignment's interval": ("blocks/pairs.py", " + moved)", " + 0 * moved)"),
    "the first low share ends the count": (
        "measures/order.py",
        "falling = scipy.optimize.isotonic_regression(scores.numpy(), increasing=False).x",
        "falling = scores.cummin(0).values",
    ),
    "both subspaces from one half": (
        "measures/overlaps.py",
        "(squared_cosines(f.first, g.second)",
        "(squared_cosines(f.first, g.first)",
    ),
    "reliability without chance": ("measures/overlaps.py", "(agreement - k / dim) / (1 - k / dim)", "agreement"),
    "no abstention": ("measures/overlaps.py", "RELIABLE = 0.8", "RELIABLE = -9"),
    "sensitivity with the neutral pose in its mean": ("measures/variance.py", "if g != neutral]", "]"),
    "variance over identities by I": ("measures/variance.py", "* len(z) / (len(z) - 1)", ""),
    "noise taken for interaction": (
        "measures/variance.py",
        "(left / gain).mean(1) * (steps - 1)",
        "(left * 0).mean(1)",
    ),
    "content shifts the null of the factor": (
        "measures/variance.py",
        "z.mean(1 if mean_over == 0 else 0",
        "z.mean((0, 1)",
    ),
    "noise taken for unequal movement": (
        "measures/movements.py",
        "halves[0] * halves[1]), weights",
        "halves[0] * halves[0]), weights",
    ),
    "copies counted as they come": ("distinct.py", "if len(kept) == count:", "if True:"),
    "intervals leave the range": ("bounds.py", "return value if high is None else min(value, high)", "return value"),
    "bases that know nothing but the mean": (
        "measures/operators.py",
        "(moved, at, mean, shrunk)",
        "(moved, at, mean, at)",
    ),
    "the common effect resampled with itself": ("measures/variance.py", "(alike - twice)", "alike"),
    "probes split by view": (
        "context.py",
        "return Rows(train, ~train & ~test, test)",
        "return Rows(train | test, ~train & ~test, test)",
    ),
    "probes tuned where they report": (
        "measures/ridge.py",
        "train, validation, test)\n    return principal_ridge(x, targets[train], targets[validation], targets[test])",
        "train, test, test)\n    return principal_ridge(x, targets[train], targets[test], targets[test])",
    ),
    "penalties that stop short": ("measures/ridge.py", "range(-24, 7)", "range(-6, 5)"),
    "rounding is read": ("measures/principal.py", "max(rounding, LEAST_SHARE", "max(0.0, LEAST_SHARE"),
    "a class null under the best constant": ("measures/leakage.py", "which.bincount().max()", "which.bincount().min()"),
    "more is lost than was read": ("measures/leakage.py", "- other.clamp(min=0)", "- other"),
    "products of a view with itself": (
        "measures/relative_probe.py",
        "((second - mean) @ whitening)[..., None, :]",
        "((first - mean) @ whitening)[..., None, :]",
    ),
    "a drop of nothing that is read": (
        "blocks/contents.py",
        "if not (_is_read(cross) or _is_read(control)):",
        "if False:",
    ),
    "permutations that are none": (
        "measures/leakage.py",
        "where[torch.randperm(len(where), generator=random)]",
        "where",
    ),
    "RankMe centred": ("measures/health.py", '"rankme": False', '"rankme": True'),
    "views left out one by one": (
        "measures/health.py",
        "z[group == g].double().flatten(0, 1)",
        "z.double().flatten(0, 1)[g::20]",
    ),
    "half of the jackknife's error": ("measures/health.py", "(groups - 1) / groups", "(groups - 1) / groups / 4"),
    "pairs of two identities": ("measures/relative_probe.py", "codes.roll(-1, 1)", "codes.roll(-1, 0)"),
    "errors the long way round": ("../types/kinds.py", "torch.minimum(apart, self.period - apart)", "apart"),
    "medians that are not resampled": (
        "measures/relative_probe.py",
        "part[:, owner].cumsum(1)",
        "torch.ones_like(part[:, owner]).cumsum(1)",
    ),
    "judged on classes that were seen": ("blocks/contents.py", "test & ~seen", "test & seen"),
    "a class probe judged on what fits it": (
        "context.py",
        "(place < count), place >= count + held_out)",
        "(place < count), place < count + held_out)",
    ),
    "the source among the candidates": (
        "measures/ranking.py",
        "predictions.source[..., None], False",
        "predictions.source[..., None], True",
    ),
    "equals all take the best place": ("measures/ranking.py", "/ (found.equal + 1)\n    scores", "* 1.0\n    scores"),
    "a stencil of another weight": ("measures/generators.py", "(-1, -8 / 12)", "(-1, -6 / 12)"),
    "products that do not commute for commutators": ("measures/generators.py", "a @ b - b @ a", "a @ b + b @ a"),
    "random generators that are the same ones": ("measures/generators.py", "q @ matrix @ q.T", "matrix"),
    "a mean orbit of those it is judged on": (
        "measures/orbits.py",
        "sweep[train].split(16)",
        "sweep[~train].split(16)",
    ),
    "a grid point meets its own noise": ("measures/signal.py", "return kernel.fill_diagonal_(0.0)", "return kernel"),
    "an identity is paired with itself": ("measures/signal.py", " - weights.square() @ products.diagonal()", ""),
    "the null turns one factor alone": ("measures/signal.py", "if number % 2 else within[::-1]", "if True else within"),
    "drift after one step": ("measures/group_law.py", "for _ in range(sweep.shape[2])", "for _ in range(1)"),
    "the defect of MᵀM alone": ("measures/group_law.py", "h[k, :k] = offset @ basis / scale", "pass"),
    "actions read though they were given": ("blocks/leakage.py", "if source == ACTIONS_GIVEN:", "if False:"),
    "unpaired differences": ("estimate.py", "(mine - theirs).tolist()", "(mine - theirs.flip(0)).tolist()"),
}
assert not MUTATIONS.keys() & BY_QUESTION.keys()
MUTATIONS |= BY_QUESTION


def killers() -> dict[str, str]:
    found = json.loads(KILLERS.read_text(encoding="utf-8"))
    return {name: killer for name, killer in found.items() if name in MUTATIONS}


def remember(name: str, killer: str, lock: Path) -> None:
    with FileLock(lock):  # several processes may run the mutations
        found = dict(sorted((killers() | {name: killer}).items()))
        write_atomic(KILLERS, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def nearest_first(file: str) -> list[str]:
    """Files of tests: those that saw another mutation of the module, and those that import it."""
    saw = {killer.partition("::")[0] for name, killer in killers().items() if MUTATIONS[name][0] == file}
    module = f"seqjepa.diagnostics.{file.removesuffix('.py').replace('/', '.')} import"
    tests = sorted((ROOT / "tests" / "diagnostics").rglob("test_*.py"))
    near = [str(path.relative_to(ROOT)) for path in tests if module in path.read_text(encoding="utf-8")]
    return list(dict.fromkeys([*sorted(saw), *near]))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_caught(name, tmp_path, tmp_path_factory):
    package = linked_package(tmp_path / "src")
    make_wrong(package, *MUTATIONS[name])
    remembered = killers().get(name)
    if remembered is not None and first_failure(package, [remembered], [])[0] is not None:
        return
    killer, said = first_failure(package, ["tests/diagnostics"], nearest_first(MUTATIONS[name][0]))
    file, right, wrong = MUTATIONS[name]
    assert killer is not None, f"no test sees {wrong!r} for {right!r} in {file}\n{said[-2000:]}"
    remember(name, killer, tmp_path_factory.getbasetemp().parent / "killers.lock")


@pytest.mark.slow
def test_without_a_mutation_they_pass(tmp_path):
    """What fails anyway sees no mutation."""
    killer, said = first_failure(linked_package(tmp_path / "src"), sorted(set(killers().values())), [])
    assert killer is None, said[-2000:]
    assert " passed" in said, said[-2000:]


def test_mutations_still_fit_the_source():
    for file, right, _ in MUTATIONS.values():
        assert right in (ROOT / "src" / "seqjepa" / "diagnostics" / file).read_text(encoding="utf-8"), (file, right)
