import statistics

import pytest

import seqjepa as sj
from seqjepa.recipes import change, digits
from seqjepa.workflows.grid import compare_members, comparison_csv, make_members, parse_grid, plan_grid


def members(tmp_path, *given, seeds=1, config=None):
    return make_members(config or digits(), parse_grid(given), seeds, tmp_path)


def test_a_grid_is_every_combination_by_every_seed(tmp_path):
    made = members(tmp_path, "objective.rate.weight=0.003,0.01", "model.teacher=ema,stop_gradient", seeds=3)
    assert len(made) == 12
    assert len({member.folder for member in made}) == 12
    assert {(m.config.objective.rate.weight, m.config.model.teacher, m.config.seed) for m in made} == {
        (weight, teacher, seed)
        for weight in (0.003, 0.01)
        for teacher in ("ema", "stop_gradient")
        for seed in (0, 1, 2)
    }


def test_names_say_the_point_and_do_not_depend_on_how_a_value_is_written(tmp_path):
    def names(*given, **more):
        return [member.name for member in members(tmp_path, *given, **more)]

    assert names("objective.rate.weight=3e-3") == names("objective.rate.weight=0.003")
    assert names("objective.rate.weight=0.003") == ["objective.rate.weight=0.003_seed=0"]
    assert names("factors.rotation=-30 30,none") == ["factors.rotation=-30,30_seed=0", "factors.rotation=none_seed=0"]
    assert names("model.encoder=pkg.mod:make") == ["model.encoder=pkg.mod-make_seed=0"]
    assert names("model.action-conditioning=false") == ["model.action_conditioning=false_seed=0"]
    assert names(seeds=2, config=change(digits(), seed=5)) == ["seed=5", "seed=6"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["objective.rate.weight"], "give a field and its values, as in"),
        (["objective.rate.weight=0.1,"], "give a field and its values, as in"),
        (["epochs=1", "epochs=2"], "epochs is given twice; list all its values at once"),
        (["epochs=2,2"], "epochs=2_seed=0 comes up twice"),
        (["seed=1,2"], "say how many seeds with --seeds"),
        (["objective.rate.weigh=1"], "did you mean 'objective.rate.weight'"),
        (["objective.rate.weight=1,many"], "objective.rate.weight: .*not 'many'"),
    ],
)
def test_mistakes_in_a_grid(tmp_path, given, says):
    with pytest.raises(sj.InputError, match=says):
        members(tmp_path, *given)


def test_a_folder_with_a_run_of_another_configuration_is_refused(tmp_path):
    (one,) = members(tmp_path, "epochs=2")
    one.folder.mkdir()
    (one.folder / "config.yaml").write_text(one.config.to_yaml())
    assert members(tmp_path, "epochs=2")[0].command()[-2:] == ["resume", str(one.folder)]
    with pytest.raises(sj.InputError, match="epochs=2_seed=0 holds a run of another configuration"):
        members(tmp_path, "epochs=2", config=change(digits(), batch_size=32))


def finish(member, rows):
    member.folder.mkdir(parents=True)
    (member.folder / "model.safetensors").write_bytes(b"")
    (member.folder / "metrics.csv").write_text(
        "\n".join([",".join(rows[0]), *(",".join(map(str, r.values())) for r in rows)])
    )


def test_the_comparison_groups_seeds_and_leaves_out_what_is_not_finished(tmp_path):
    made = members(tmp_path, "epochs=1,2", seeds=3)
    losses = [0.5, 0.25, 0.125]
    for member, loss in zip(made[:3], losses):
        finish(member, [{"epoch": 1, "loss": 9.0, "rank": ""}, {"epoch": 2, "loss": loss, "rank": 2.0}])
    finish(made[3], [{"epoch": 1, "loss": 4.0, "rank": ""}])
    first, second = compare_members(made)
    assert (first.values, first.seeds, first.metrics["loss"]) == ({"epochs": "1"}, [0, 1, 2], losses)
    assert first.mean_and_sd("loss") == pytest.approx((sum(losses) / 3, statistics.stdev(losses)))
    assert first.mean_and_sd("accuracy") is None
    assert (second.seeds, second.metrics, second.mean_and_sd("loss")) == ([0], {"loss": [4.0]}, (4.0, None))
    rows = comparison_csv([first, second])
    assert [(row["epochs"], row["metric"], row["seeds"]) for row in rows] == [
        ("1", "loss", 3),
        ("1", "rank", 3),
        ("2", "loss", 1),
    ]
    assert rows[2]["sd"] is None


def test_what_was_given_as_an_object_cannot_be_in_a_grid(tmp_path):
    for field, value in (("model", {"encoder": "object:mine.Net"}), ("images", {"source": "object:0123"})):
        with pytest.raises(sj.InputError, match="given as an object, which the processes of a grid cannot have"):
            plan_grid(change(digits(), **{field: value}), {}, tmp_path / "grid")
    assert not (tmp_path / "grid").exists()
