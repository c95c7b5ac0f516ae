"""Recorded data: what cannot be rendered again."""

import numpy as np
import pytest
import torch

import seqjepa as sj
from seqjepa.sweeps.arrays import load_sweeps
from seqjepa.types import InputError
from seqjepa.types.rotations import matrix

HUE, GLOW = sj.Factor("hue", 0, 360, "deg", 360.0), sj.Factor("glow", -1, 1)
TURN = sj.Factor.rotation("orientation")
IDENTITIES, N = 40, 24
SKIP = ["irreps", "literature", "contents", "classes", "actions", "retrieval", "health"]


def made(factors, code, seed=0, identities=IDENTITIES, records=N, noise=0.05, dim=16):
    """Records at random values: codes of contents and values, turned at random."""
    random = torch.Generator().manual_seed(seed)
    who = torch.arange(identities).repeat_interleave(records)
    drawn = [f.drawn(torch.rand(len(who), f.uniforms, generator=random, dtype=torch.float64)) for f in factors]
    content = torch.randn(identities, 5, generator=random, dtype=torch.float64)[who]
    plain = torch.cat([content, code(*drawn)], 1)
    plain = torch.nn.functional.pad(plain, (0, dim - plain.shape[1]))
    q = torch.linalg.qr(torch.randn(dim, dim, generator=random, dtype=torch.float64)).Q
    codes = plain @ q.T + noise * torch.randn(len(who), dim, generator=random, dtype=torch.float64)
    return codes, who, torch.cat(drawn, 1), q


def diagnosed(sweeps, *left_out):
    return sj.diagnose(sweeps, skip=[*SKIP, *left_out], ideals=False)


def ring_and_line(hue, glow):
    return torch.cat([hue.deg2rad().cos(), hue.deg2rad().sin(), 2 * glow], 1)


def test_subspaces_of_random_records_are_those_of_the_factors_and_the_group_is_not_identifiable():
    codes, who, values, q = made([HUE, GLOW], ring_and_line)
    sweeps = sj.Sweeps.from_recorded(codes, who, values, [HUE, GLOW])
    assert not sweeps.values
    found = sj.diagnose(sweeps, skip=[b for b in SKIP if b != "health"])
    assert found["dimension"]["hue"].value == 2
    assert found["dimension"]["glow"].value == 1
    for name, columns in (("hue", [5, 6]), ("glow", [7])):
        u = found.subspaces[name][:, : len(columns)]
        assert float((q[:, columns].T @ u).square().sum()) / len(columns) > 0.98
        assert found["explained_variance"][name].value > 0.9
        assert found["leakage"][name, "z", "linear"].value > 0.9
    assert found["overlap"]["hue", "glow"].value < 0.05
    assert found["shared_variance"]["hue", "glow"].value < 0.05
    assert "no two are a known step" in found["operator"]["hue"].reason
    assert "no two are a known step" in found["sensitivity"]["hue"].reason
    assert "no orbit in common" in found["common_orbit"]["hue"].reason
    assert found["health"]["rankme"].value is not None


def test_what_two_factors_share_is_told():
    codes, who, values, _ = made([HUE, GLOW], lambda h, g: torch.cat([h.deg2rad().cos() + 2 * g, h.deg2rad().sin()], 1))
    found = sj.diagnose(
        sj.Sweeps.from_recorded(codes, who, values, [HUE, GLOW]), skip=[*SKIP, "group", "leakage"], ideals=False
    )
    assert found["overlap"]["hue", "glow"].value > 0.9
    assert found["shared_variance"]["hue", "glow"].interval[0] > 0.3


@pytest.mark.parametrize("seed", range(2))
def test_a_factor_that_moves_nothing_has_no_direction_however_much_the_other_moves(seed):
    codes, who, values, _ = made([HUE, GLOW], lambda h, g: 5 * torch.cat([g, g.square(), g.sin()], 1), seed)
    sweeps = sj.Sweeps.from_recorded(codes, who, values, [HUE, GLOW])
    found = diagnosed(sweeps, "group", "leakage", "shared")
    assert found["dimension"]["hue"].value <= 1  # 3 to 4 % of draws find one
    assert found["dimension"]["glow"].value >= 1


def test_correlated_factors_are_told_apart_and_one_that_follows_the_other_is_not_identifiable():
    codes, who, values, q = made([HUE, GLOW], ring_and_line)
    values = values.clone()
    values[:, 1] = 0.8 * values[:, 0].deg2rad().sin() + 0.2 * values[:, 1]
    codes = codes - codes @ q[:, 7:8] @ q[:, 7:8].T + 2 * values[:, 1:] @ q[:, 7:8].T
    found = sj.diagnose(
        sj.Sweeps.from_recorded(codes, who, values, [HUE, GLOW]),
        skip=[*SKIP, "group", "leakage", "shared"],
        ideals=False,
    )
    assert float((q[:, [5, 6]].T @ found.subspaces["hue"][:, :2]).square().sum()) / 2 > 0.95
    follows = torch.cat([values[:, :1], values[:, :1].deg2rad().sin()], 1)
    sweeps = sj.Sweeps.from_recorded(codes, who, follows, [HUE, GLOW])
    found = diagnosed(sweeps, "group", "leakage")
    assert "follows the other factors" in found["dimension"]["glow"].reason


def test_rotations_and_levels_of_records():
    turn, ground = sj.Factor.rotation("orientation"), sj.Factor.levels("ground", 3)

    def code(q, level):
        return torch.cat([matrix(q).flatten(1), 2 * torch.nn.functional.one_hot(level[:, 0].long(), 3).double()], 1)

    codes, who, values, q = made([turn, ground], code, dim=20)
    found = sj.diagnose(
        sj.Sweeps.from_recorded(codes, who, values, [turn, ground]), skip=[*SKIP, "group", "shared"], ideals=False
    )
    assert found["dimension"]["orientation"].value == 9
    assert found["dimension"]["ground"].value == 2
    assert float((q[:, 5:14].T @ found.subspaces["orientation"][:, :3]).square().sum()) / 3 > 0.95
    assert found["leakage"]["orientation", "z", "linear"].details["error"] < 10
    assert found["leakage"]["ground", "z", "linear"].details["accuracy"] > 0.98
    assert found["overlap"]["orientation", "ground"].value < 0.05


def test_a_factorial_design_is_swept_like_any_other():
    grid, hues = torch.linspace(-1, 1, 7, dtype=torch.float64), torch.arange(0, 360, 45, dtype=torch.float64)
    each = torch.cartesian_prod(hues, grid)
    who = torch.arange(24).repeat_interleave(len(each))
    values = each.repeat(24, 1)
    content = torch.randn(24, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)[who]
    codes = torch.cat([content, ring_and_line(values[:, :1], values[:, 1:])], 1)
    order = torch.randperm(len(codes), generator=torch.Generator().manual_seed(2))
    sweeps = sj.Sweeps.from_recorded(codes[order], who[order] + 7, values[order], [HUE, GLOW], (who % 4)[order])
    assert sweeps.values["hue"].shape == (24, 5, 8, 9)
    assert sweeps.values["glow"].shape == (24, 5, 7, 9)
    assert sweeps.labels.tolist() == [i % 4 for i in range(24)]
    torch.testing.assert_close(sweeps.values["hue"][0, 0, :, 6], hues.deg2rad().cos())
    found = diagnosed(sweeps, "leakage", "shared")
    assert found["dimension"]["hue"].value == 2
    assert found["operator"]["hue"].value > 0.99
    assert found["composition"]["hue"].value == pytest.approx(0, abs=1e-6)


def test_a_single_factor_is_swept_where_all_identities_have_the_same_values_and_else_is_not():
    codes, who, values, _ = made([HUE], lambda hue: torch.cat([hue.deg2rad().cos(), hue.deg2rad().sin()], 1))
    found = diagnosed(sj.Sweeps.from_recorded(codes, who, values, [HUE]), "group", "leakage", "shared")
    assert found["dimension"]["hue"].value == 2
    same = torch.arange(N).repeat(IDENTITIES)[:, None] * 360.0 / N
    swept = sj.Sweeps.from_recorded(torch.cat([codes, same.deg2rad().cos()], 1), who, same, [HUE])
    assert swept.values["hue"].shape == (IDENTITIES, 1, N, 17)


def test_scrambled_rows_are_refused_and_a_constant_is_not():
    codes, who, values, _ = made([HUE, GLOW], ring_and_line)
    order = torch.randperm(len(codes), generator=torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match="do not belong to those of identities and values"):
        sj.Sweeps.from_recorded(codes[order], who, values, [HUE, GLOW])
    assert sj.Sweeps.from_recorded(codes[order], who, values, [HUE, GLOW], check_rows=False).identities == IDENTITIES
    assert sj.Sweeps.from_recorded(torch.ones_like(codes), who, values, [HUE, GLOW]).identities == IDENTITIES
    content = codes[who * N]  # nothing but who it is
    assert sj.Sweeps.from_recorded(content, who, values, [HUE, GLOW]).identities == IDENTITIES
    # A code of nothing but where it is.
    pose = torch.randn(IDENTITIES, 1)[torch.zeros_like(who)] + ring_and_line(values[:, :1], values[:, 1:])
    assert sj.Sweeps.from_recorded(pose, who, values, [HUE, GLOW]).identities == IDENTITIES


def changed(values, row, column, to):
    values = values.clone()
    values[row, column] = to
    return values


def radians(values):
    return torch.cat([values[:, :1].deg2rad(), values[:, 1:]], 1)


def quaternions(given, length):
    """Records at rotations, one of which is of a wrong length."""
    q = TURN.drawn(torch.rand(len(given["codes"]), 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    q[5] *= length
    return given | {"values": q, "factors": [TURN]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: a | {"values": a["values"][:, :1]}, r"not \(N, D\), \(N,\) and \(N, 2\)"),
        (lambda a: a | {"values": a["values"][:, 0]}, r"values \(120,\) are not .* and \(N, 2\)"),
        (
            lambda a: a | {"codes": a["codes"] * float("nan")},
            "not finite, in record 0 and 119 more",
        ),
        (
            lambda a: a | {"values": changed(a["values"], 7, 1, float("nan"))},
            "^recorded: glow: a value is not finite, in record 7$",
        ),
        (lambda a: a | {"values": changed(a["values"], 7, 1, 12.0)}, "glow: 12 is beyond its range, -1 to 1"),
        (
            lambda a: a | {"factors": [sj.Factor("hue", 0, 90, "deg", 360.0), GLOW]},
            "hue: .* beyond its range, 0 to 90",
        ),
        (lambda a: a | {"identities": torch.arange(len(a["codes"]))}, "has 1 records, and 3 are the least"),
        (lambda a: a | {"identities": a["identities"] + 0.5}, "identities: 0.5 is no whole number"),
        (lambda a: a | {"identities": [f"cup {i}" for i in a["identities"]]}, "identities: .* numbers.*numpy.unique"),
        (lambda a: a | {"identities": np.array([f"cup {i}" for i in a["identities"]])}, "identities are of type <U5"),
        (lambda a: a | {"labels": torch.arange(len(a["codes"]))}, r"identity 0 has .* several classes, \[0, 1, 2"),
        (lambda a: a | {"labels": torch.full((120,), 0.3)}, "labels: 0.3 is no whole number"),
        (lambda a: a | {"factors": [sj.Factor.levels("hue", 3), GLOW]}, "not one of 0 to 2"),
        (lambda a: a | {"factors": ["hue", "glow"]}, "a list of Factors of different names"),
        (lambda a: a | {"factors": HUE}, "a list of Factors of different names is needed"),
        (lambda a: {k: v[:0] for k, v in a.items() if k != "factors"} | {"factors": a["factors"]}, "hold nothing"),
        (lambda a: a | {"values": {"hue": a["values"]}}, "recorded: values: an array of numbers is needed"),
        (lambda a: a | {"values": radians(a["values"])}, r"hue: its values, .* fill 1.\d% of a circle of 360; give it"),
        (lambda a: a | {"factors": [HUE, HUE]}, "a list of Factors of different names is needed"),
        (lambda a: quaternions(a, 0.0), r"orientation: a rotation is \(w, x, y, z\) of length 1, not of length 0"),
        (lambda a: quaternions(a, 2.0), r"orientation: a rotation is \(w, x, y, z\) of length 1, not of length 2"),
    ],
)
def test_records_that_do_not_fit_are_refused(change, says):
    codes, who, values, _ = made([HUE, GLOW], ring_and_line, identities=5)
    given = change({"codes": codes, "identities": who, "values": values, "factors": [HUE, GLOW]})
    with pytest.raises(InputError, match=says):
        sj.Sweeps.from_recorded(**given)


def test_arrays_and_other_ways_to_write_a_value_give_the_same():
    """q and -q, a turn more, a little off the length of 1, and NumPy's arrays in place of tensors."""
    code = lambda q, h: torch.cat([matrix(q).flatten(1), h.deg2rad().cos(), h.deg2rad().sin()], 1)  # noqa: E731
    codes, who, values, _ = made([TURN, HUE], code, dim=20)
    other, random = values.clone(), torch.Generator().manual_seed(1)
    minus = torch.rand(len(values), 1, generator=random) < 0.5
    other[:, :4] = torch.where(minus, -1.0001, 1.0) * other[:, :4]
    other[:, 4:] += 360 * torch.randint(-2, 3, (len(values), 1), generator=random)
    plain = sj.Sweeps.from_recorded(codes, who, values, [TURN, HUE], who % 3)
    written = sj.Sweeps.from_recorded(codes.numpy(), who.tolist(), other.numpy(), [TURN, HUE], (who % 3).numpy())
    torch.testing.assert_close(written.joint_values, plain.joint_values)
    assert torch.equal(written.joint, plain.joint)
    assert torch.equal(written.labels, plain.labels)


def crossed(repeats=1):
    """Each hue of eight with each glow of seven, in each of 24 identities."""
    hues, grid = torch.arange(0, 360, 45, dtype=torch.float64), torch.linspace(-1, 1, 7, dtype=torch.float64)
    each = torch.cartesian_prod(hues, grid).repeat(repeats, 1)
    values, who = each.repeat(24, 1), torch.arange(24).repeat_interleave(len(each))
    content = torch.randn(24, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)[who]
    return torch.cat([content, ring_and_line(values[:, :1], values[:, 1:])], 1), who, values


def test_a_circle_that_was_recorded_at_both_of_its_ends_is_swept():
    codes, who, values = crossed()
    values[:, 0] = torch.where((values[:, 0] == 0) & (values[:, 1] > 0), 360.0, values[:, 0])
    swept = sj.Sweeps.from_recorded(codes, who, values, [HUE, GLOW])
    assert swept.grids["hue"].tolist() == [45.0 * i for i in range(8)]


def test_turned_identities_match_those_of_the_opposite_quaternion():
    codes, who, values = crossed()
    q = TURN.drawn(torch.rand(8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    turned = q[(values[:, 0] / 45).long()] * torch.where(values[:, 1:] > 0, -1.0, 1.0)
    codes = torch.cat([codes[:, :6], matrix(turned).flatten(1), values[:, 1:]], 1)
    swept = sj.Sweeps.from_recorded(codes, who, torch.cat([turned, values[:, 1:]], 1), [TURN, GLOW])
    assert swept.values["glow"].shape == (24, 5, 7, 16)


def test_what_was_recorded_several_times_is_swept_as_often():
    codes, who, values = crossed(2)
    glow = values[:, 0] == 90
    swept = sj.Sweeps.from_recorded(codes[glow], who[glow], values[glow, 1:], [GLOW])
    assert swept.values["glow"].shape == (24, 2, 7, 9)
    sign = (values[:, 1:] > 0).double()  # two levels, each recorded several times
    levels = sj.Factor.levels("sign", 2)
    found = diagnosed(sj.Sweeps.from_recorded(torch.cat([codes, 3 * sign], 1)[glow], who[glow], sign[glow], [levels]))
    assert found["dimension"]["sign"].value == 1


def test_what_is_missing_costs_its_sweep_and_not_the_answer():
    codes, who, values = crossed()
    some = ~((who == 3) & (values[:, 1] == 1))  # of one identity the last glow is missing
    swept = sj.Sweeps.from_recorded(codes[some], who[some], values[some], [HUE, GLOW])
    assert set(swept.values) == {"hue"}
    found = diagnosed(swept, "leakage")
    assert found["dimension"]["glow"].value == 1
    assert found["operator"]["glow"].value is None
    assert "not every identity has records at the same values" in found["operator"]["glow"].reason
    one = ~((who == 3) & (values[:, 0] == 90) & (values[:, 1] == 1))  # a single record
    assert set(sj.Sweeps.from_recorded(codes[one], who[one], values[one], [HUE, GLOW]).values) == {"hue", "glow"}


def test_a_factor_with_one_value_an_identity_is_told():
    codes, who, values, _ = made([HUE, GLOW], ring_and_line)
    values[:, 1] = values[who * N, 1]
    found = diagnosed(sj.Sweeps.from_recorded(codes, who, values, [HUE, GLOW]), "group", "shared")
    assert "does not vary" in found["dimension"]["glow"].reason
    assert "follows the identities" in found["leakage"]["glow", "z", "linear"].verdict


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"identities": np.array(["a", "b", "c"])}, "identities is <U1, texts and not numbers; .*numpy.unique"),
        ({"values/shape": np.array(["square", "heart", "heart"])}, "values/shape is <U6, texts"),
        ({"identities": np.array([0.5, 1, 1])}, "identities: 0.5 is no whole number"),
        ({"values/hue": np.ones((3, 2, 2))}, r"values/hue is float64 of shape \(3, 2, 2\)"),
        ({"values/hue": np.ones(3), "values/glow": np.ones(2)}, "hue, glow are of different lengths"),
        ({"values/at": np.ones((3, 4)), "rotation/at": np.array(1)}, "at: a rotation is .* not of length 2"),
        ({"values/at": np.ones((3, 3)), "rotation/at": np.array(1)}, "values/at: a rotation has 4 columns, not 3"),
        ({"values/at": np.array([0, 1, 4]), "levels/at": np.array(3)}, "at: 4 is a level that is not one of 0 to 2"),
    ],
)
def test_files_that_do_not_fit_are_refused_in_one_line(tmp_path, change, says):
    arrays = {"codes": np.ones((3, 2)), "identities": np.zeros(3, int)}
    arrays |= {} if any(name.startswith("values") for name in change) else {"values/hue": np.ones(3)}
    np.savez(tmp_path / "mine.npz", **(arrays | change))
    with pytest.raises(InputError, match=says) as refused:
        load_sweeps(tmp_path / "mine.npz")
    assert "\n" not in str(refused.value)


def test_an_angle_that_was_counted_on_is_one_of_the_circle(tmp_path):
    codes, who, values, _ = made([HUE, GLOW], ring_and_line)
    values[:, 0] += 360 * (who % 3)
    arrays = {"codes": codes.numpy(), "identities": who.numpy(), "values/hue": values[:, 0].numpy()}
    np.savez(tmp_path / "mine.npz", **arrays, **{"period/hue": np.array(360.0)})
    hue = load_sweeps(tmp_path / "mine.npz").factors[0]
    assert hue.period == 360
    assert 0 <= hue.low < hue.high <= 360


def test_few_records_say_how_many_are_needed():
    codes, who, values, _ = made([HUE, GLOW], ring_and_line, records=5)
    found = diagnosed(sj.Sweeps.from_recorded(codes, who, values, [HUE, GLOW]), "group")
    assert "5 records of each identity are too few" in found["dimension"]["hue"].reason


def test_saved_and_read_again_and_from_the_command_line(tmp_path, capsys, monkeypatch):
    from seqjepa.cli.app import main

    monkeypatch.chdir(tmp_path)
    turn = sj.Factor.rotation("orientation")
    codes, who, values, _ = made([turn, GLOW], lambda q, g: torch.cat([matrix(q).flatten(1), g], 1), records=30)
    sweeps = sj.Sweeps.from_recorded(codes.float(), who, values, [turn, GLOW])
    sweeps.save("sweeps.safetensors")
    again = load_sweeps("sweeps.safetensors")
    assert again.factors == sweeps.factors
    assert torch.equal(again.joint, sweeps.joint)
    arrays = {"codes": codes.numpy(), "identities": who.numpy(), "labels": (who % 3).numpy()}
    arrays |= {"values/orientation": values[:, :4].numpy(), "values/glow": values[:, 4].numpy()}
    np.savez("mine.npz", **arrays, **{"rotation/orientation": np.array(1)})
    skip = [*SKIP, "group", "shared", "leakage", "effects"]
    assert main(["diagnose", "--recorded", "mine.npz", "--skip", *skip, "--out", "out"]) == 0
    assert "orientation" in capsys.readouterr().out
    np.savez("half.npz", codes=codes.numpy())
    assert main(["diagnose", "--recorded", "half.npz"]) == 2
    assert "records need codes, identities and values/NAME" in capsys.readouterr().err
