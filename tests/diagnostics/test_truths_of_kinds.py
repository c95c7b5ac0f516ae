"""Known representations (S2 to S16 of those of affine factors) for a line, a circle, a rotation in space and levels.

S1, S13 and S8 of these kinds stand in ``test_kinds.py``, S12 in ``tests/sweeps/test_recorded.py``. S7, an ellipse, is a
circle's alone; S11, of ranks, has no factor in it.
"""

import math

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.measures.probes import Rows, probe_values
from seqjepa.sweeps import Sweeps
from seqjepa.types.factor import value_columns
from seqjepa.types.rotations import matrix
from tests.ground_truths import contents, orthogonal

I = 40  # noqa: E741 (identities)
FEW = dict(identities=I, steps=9, base_poses=2, joint=10)
NAMES = ("line", "circle", "rotation", "levels")
DIMS = {"line": 1, "circle": 2, "rotation": 9, "levels": 3}
KINDS = pytest.mark.parametrize("kind", NAMES)


def made(kind, name="one"):
    """A factor of a kind."""
    if kind == "line":
        return sj.Factor(name, -1, 1)
    if kind == "circle":
        return sj.Factor(name, -180, 180, "deg", 360.0)
    return sj.Factor.rotation(name) if kind == "rotation" else sj.Factor.levels(name, 4)


def own(kind, values):
    """A perfect code (B, K) of a factor's values, centred, in as many dimensions as it fills."""
    if kind == "line":
        return 2 * values
    if kind == "circle":
        return torch.cat([values.deg2rad().cos(), values.deg2rad().sin()], 1)
    if kind == "rotation":
        return matrix(values).flatten(1)
    return torch.nn.functional.one_hot(values[:, 0].long(), 4).double() @ corners()


def corners():
    """Four points of a regular tetrahedron."""
    return torch.tensor([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=torch.float64)


def asked(code, factors, blocks, **design):
    """What some blocks say of a code, a function of identities and of each factor's values by name."""
    columns = value_columns(factors)

    def f(who, values):
        return code(who, {factor.name: values[:, columns[factor.name]] for factor in factors})

    labels = torch.arange(I) % 4
    sweeps = Sweeps.from_function(f, factors, labels=labels, **{**FEW, **design})
    skip = [name for name in BLOCKS if name not in blocks]
    return sj.diagnose(sweeps, skip=skip, ideals=False, probes=["linear"])


def noise(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noisy(size, dim):
    """Noise that is drawn anew for every view."""
    random = torch.Generator().manual_seed(11)
    return lambda count: size * torch.randn(count, dim, generator=random, dtype=torch.float64)


def placed(kind, phi, shared=None, dim=None):
    """Two factors of a kind in a code: the second's directions at an angle to the first's, or some of them the same."""
    k = DIMS[kind]
    dim = dim or 2 * k + 4
    turned, content = orthogonal(dim, 3), contents(I, 4, 0)
    first = turned[:, :k]
    second = math.cos(phi) * first + math.sin(phi) * turned[:, k : 2 * k]
    if shared is not None:
        second = torch.cat([first[:, :shared], turned[:, k : 2 * k - shared]], 1)

    def code(who, values):
        moved = own(kind, values["one"]) @ first.T + own(kind, values["two"]) @ second.T
        return moved + content[who] @ turned[:, 2 * k : 2 * k + 4].T

    return code, (made(kind, "one"), made(kind, "two"))


@pytest.mark.parametrize("kind", ["line", "circle", "rotation"])
def test_s2_what_moves_each_identity_its_own_way_is_no_common_movement(kind):
    """u(value) through a map of each identity's own, mean-free: of the movement 1/I is common, and that by chance."""
    maps = contents(I, DIMS[kind] * 6, 5).reshape(I, DIMS[kind], 6)
    maps = maps - maps.mean(0)

    def code(who, values):
        return torch.cat([torch.einsum("bk,bkd->bd", own(kind, values["one"]), maps[who]), contents(I, 3, 1)[who]], 1)

    found = asked(code, (made(kind),), ("effects", "contents"))["variance_shares"]
    name = "one_x" if kind == "rotation" else "one"
    factor = found[name, "factor"].value
    rest = found[name, "smooth"].value
    assert factor < 0.1 * rest
    assert rest > 0.3


@KINDS
def test_s3_an_invariant_code_tells_nothing(kind):
    fuzz = noisy(1e-3, 6)
    found = asked(
        lambda who, values: contents(I, 6, 0)[who] + fuzz(len(who)), (made(kind),), ("effects", "leakage", "actions")
    )
    assert found["leakage"]["one", "z", "linear"].verdict == "at its null"
    assert found["action"]["one", "linear"].verdict == "at its null"
    swept = "one_x" if kind == "rotation" else "one"
    assert found["sensitivity"][swept].value < 0.01


@KINDS
def test_s4_noise_is_at_every_null(kind):
    fuzz = noisy(1.0, 6)
    found = asked(
        lambda who, values: fuzz(len(who)), (made(kind),), ("effects", "subspaces", "leakage", "actions", "contents")
    )
    assert found["leakage"]["one", "z", "linear"].verdict == "at its null"
    assert found["action"]["one", "linear"].verdict == "at its null"
    assert found["dimension"]["one"].value == 0


@KINDS
@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_s5_overlap_is_the_squared_cosine_of_the_angle(kind, degrees):
    code, factors = placed(kind, math.radians(degrees))
    found = asked(code, factors, ("subspaces", "shared"))
    assert found["overlap"]["one", "two"].value == pytest.approx(math.cos(math.radians(degrees)) ** 2, abs=0.02)


@KINDS
@pytest.mark.parametrize("size", [0.3, 3.0])
def test_s6_the_same_directions_in_noise_are_never_separate(kind, size):
    code, factors = placed(kind, 0.0)
    fuzz = noisy(size, 2 * DIMS[kind] + 4)
    overlap = asked(lambda who, values: code(who, values) + fuzz(len(who)), factors, ("subspaces", "shared"))
    overlap = overlap["overlap"]["one", "two"]
    assert overlap.value is None or overlap.verdict != "separate"


def bent(kind, values):
    """All that there is to know of a value, and hardly in a straight line."""
    if kind == "line":
        return torch.cat([(0.92 * math.pi * values).sin(), (0.92 * math.pi * values).cos()], 1)
    if kind == "circle":
        return torch.cat([f(k * values.deg2rad()) for k in (2, 3) for f in (torch.sin, torch.cos)], 1)
    if kind == "rotation":
        return values * values[:, :1].sign()
    return values  # the number of a level: those in the middle lie between the others


@KINDS
def test_s9_what_is_bent_a_network_reads_and_a_straight_line_does_not(kind):
    count = 2400
    factor, random = made(kind), torch.Generator().manual_seed(0)
    values = factor.drawn(torch.rand(count, factor.uniforms, generator=random, dtype=torch.float64))
    part = torch.arange(count) % 3
    rows, target = Rows(part == 0, part == 1, part == 2), factor.kind.target(values)
    true = target[rows.test]
    straight, network = (
        1
        - float(
            (probe_values(name, bent(kind, values), target, rows) - true).square().sum()
            / (true - true.mean(0)).square().sum()
        )
        for name in ("linear", "mlp")
    )
    assert network > 0.9
    assert straight < 0.75


def test_s10_half_a_circle_has_its_subspace_and_no_frequencies():
    half = sj.Factor("one", 0, 180, "deg", 360.0)
    code = lambda who, values: torch.cat([own("circle", values["one"]), contents(I, 4, 0)[who]], 1)  # noqa: E731
    found = asked(code, (half,), ("subspaces", "group", "leakage"))
    assert found["frequency"]["one"].value is None
    assert found["dimension"]["one"].value == 2
    assert found["leakage"]["one", "z", "linear"].value > 0.95


@pytest.mark.parametrize("kind", ["line", "circle"])
def test_s10_of_a_constant_factor_nothing_is_answered(kind):
    still = sj.Factor("one", 0, 0) if kind == "line" else sj.Factor("one", 0, 0, "deg", 360.0)
    code = lambda who, values: torch.cat([values["one"], contents(I, 4, 0)[who]], 1)  # noqa: E731
    found = asked(code, (still,), ("effects", "subspaces", "leakage"))
    for metric in ("sensitivity", "dimension", "leakage"):
        for key, of in found[metric].items():
            if key == "one" or key[0] == "one":
                assert of.value is None, (metric, key)


@pytest.mark.parametrize("kind", ["line", "circle", "levels"])
def test_s14_loud_noise_elsewhere_hides_no_subspace(kind):
    code, factors = placed(kind, math.pi / 2)
    fuzz = noisy(2.0, 6)

    def loud(who, values):
        return torch.cat([code(who, values), fuzz(len(who))], 1) @ orthogonal(2 * DIMS[kind] + 10, 8)

    found = asked(loud, factors, ("subspaces", "shared"), base_poses=4, identities=I)
    for name in ("one", "two"):
        assert found["dimension"][name].value == DIMS[kind]
    assert found["overlap"]["one", "two"].value < 0.05
    assert not found["overlap"]["one", "two"].verdict.startswith("shared")


@pytest.mark.parametrize(("kind", "shared"), [("circle", 1), ("rotation", 3), ("levels", 1)])
@pytest.mark.parametrize("dim", [24, 48])
def test_s15_what_share_of_directions_two_factors_have_in_common(kind, shared, dim):
    code, factors = placed(kind, 0.0, shared, dim)
    overlap = asked(code, factors, ("subspaces", "shared"))["overlap"]["one", "two"]
    assert overlap.value == pytest.approx(shared / DIMS[kind], abs=0.02)
    assert overlap.verdict != "separate"


@pytest.mark.parametrize("kind", ["line", "circle"])
def test_s16_a_constant_code_is_answered_nothing_and_an_offset_changes_nothing(kind):
    blocks = ("effects", "subspaces", "leakage")
    still = asked(lambda who, values: torch.full((len(who), 3), 0.1).double(), (made(kind),), blocks)
    for metric in ("sensitivity", "dimension", "explained_variance"):
        for key, of in still[metric].items():
            assert not of.value, (metric, key)  # none, or 0 dimensions
    leakage = still["leakage"]["one", "z", "linear"]
    assert leakage.value is None or abs(leakage.value) < 0.05

    def code(who, values):
        return torch.cat([own(kind, values["one"]), contents(I, 4, 0)[who]], 1)

    plain, far = (asked(lambda w, v, by=by: code(w, v) + by, (made(kind),), blocks) for by in (0.0, 1e8))
    assert far["dimension"]["one"].value == plain["dimension"]["one"].value == DIMS[kind]
    for metric, key in (("leakage", ("one", "z", "linear")), ("explained_variance", "one")):
        assert far[metric][key].value == pytest.approx(plain[metric][key].value, abs=1e-4)
