"""For any input at all: what is written is read back, and what is not readable is refused in a line.

``make test`` draws the same few examples each time, ``make slow`` many.
"""

import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Samples
from seqjepa.images import mnist
from seqjepa.io.files import read_rows
from seqjepa.io.schemas import LARGEST
from seqjepa.io.untrusted import parse_json, parse_yaml, read_npz
from seqjepa.sweeps import Sweeps
from seqjepa.training.checkpoint import read_tensors
from seqjepa.training.config import Config, checked_config, config_from_yaml
from seqjepa.training.folder import to_csv

ROOT = Path(__file__).parents[2]
FUZZ = ROOT / "benchmarks" / "fuzz.py"
few = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
many = settings(few, max_examples=3000, derandomize=False)
finite = st.floats(allow_nan=False, allow_infinity=False)
stored = st.floats(-LARGEST, LARGEST)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | finite | text,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(text, inside, max_size=4),
    max_leaves=20,
)


def either(read, *arguments):
    """What is read, or None where it is refused in one short line."""
    try:
        return read(*arguments)
    except sj.InputError as error:
        told = str(error)
    assert len(told) < 20_000
    return None


def json_is_read_as_written(value):
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False)) == value


def yaml_is_read_as_written(value):
    written = yaml.safe_dump(value, allow_unicode=True)
    if "&id" not in written:  # a value that stands there twice is written with an alias, which is not read
        assert parse_yaml(written, "it") == yaml.safe_load(written)


def any_text_is_yaml_or_refused(content):
    either(parse_yaml, content, "it")


def any_mapping_is_a_configuration_or_refused(values):
    config = either(checked_config, values)
    assert config is None or checked_config(config.model_dump()) == config


def arrays_are_read_as_written(tmp_path, array):
    with (tmp_path / "it.npz").open("wb") as file:
        np.savez_compressed(file, it=array)
    ((name, found),) = read_npz(tmp_path / "it.npz")[0].items()
    assert (name, found.dtype, found.shape) == ("it", array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)


def images_are_read_as_written(array):
    content = bytes([0, 0, 8, 3]) + struct.pack(">3I", *array.shape) + array.tobytes()
    assert np.array_equal(mnist.read_idx(content, 3).numpy(), array)
    for cut in (content[:-1], content + b"x", content[1:]):
        assert either(mnist.read_idx, cut, 3) is None


def rows_are_read_as_written(tmp_path, rows):
    (tmp_path / "metrics.csv").write_text(to_csv(rows), encoding="utf-8", newline="")
    assert read_rows(tmp_path / "metrics.csv") == [{k: float(v) for k, v in row.items()} for row in rows]


def figures_are_read_as_written(tmp_path, value, interval, draws, verdict):
    samples = Samples(resampled=tuple(draws))
    made = Diagnosis({"m": {"x": Estimate(value, interval, verdict=verdict, samples=samples)}}, {verdict: value})
    made.save(tmp_path / "diagnosis.json")
    assert Diagnosis.load(tmp_path / "diagnosis.json") == made


def any_bytes_are_refused(tmp_path, content):
    path = tmp_path / "it.npz"
    path.write_bytes(content)
    assert either(read_tensors, path) is None
    assert either(Sweeps.load, path) is None
    assert either(Diagnosis.load, path) is None
    assert either(read_npz, path) is None
    either(config_from_yaml, path)
    either(read_rows, path)


kinds = arrays.integer_dtypes() | arrays.floating_dtypes(sizes=(16, 32, 64)) | arrays.boolean_dtypes()
small = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
PROPERTIES = {
    json_is_read_as_written: dict(value=plain),
    yaml_is_read_as_written: dict(value=plain),
    any_text_is_yaml_or_refused: dict(content=st.text(max_size=60)),
    any_mapping_is_a_configuration_or_refused: dict(
        values=st.dictionaries(st.sampled_from(list(Config.model_fields)) | text, plain, max_size=4)
        | st.dictionaries(
            st.sampled_from(["images", "factors", "model", "objective"]),
            st.dictionaries(st.sampled_from(["rotation", "scale", "encoder", "rate", "train"]), plain),
            max_size=3,
        )
    ),
    arrays_are_read_as_written: dict(array=arrays.arrays(kinds, small)),
    images_are_read_as_written: dict(
        array=arrays.arrays(np.uint8, arrays.array_shapes(min_dims=3, max_dims=3, max_side=5))
    ),
    rows_are_read_as_written: dict(
        rows=st.lists(stored, min_size=1, max_size=4).map(
            lambda of: [dict(epoch=i + 1, loss=x) for i, x in enumerate(of)]
        )
    ),
    figures_are_read_as_written: dict(
        value=stored,
        interval=st.none() | st.tuples(stored, stored).map(sorted).map(tuple),
        draws=st.lists(stored, max_size=4),
        verdict=text,
    ),
    any_bytes_are_refused: dict(content=st.binary(max_size=200)),
}


@pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.slow)], ids=["few", "many"])
@pytest.mark.parametrize("law", PROPERTIES, ids=lambda law: law.__name__)
def test_for_any_input(law, examples, tmp_path):
    held = dict(PROPERTIES[law])
    if "tmp_path" in law.__code__.co_varnames[: law.__code__.co_argcount]:
        held["tmp_path"] = st.just(tmp_path)
    examples(given(**held)(law))()


def test_text_that_no_terminal_takes_for_markup():
    name = "[x] [red]a[ ] :smile: [b]"
    table = Diagnosis({name: {name: Estimate(1.0, verdict=name)}}).table()
    assert name in table
    from seqjepa.training.progress import Progress

    with io.StringIO() as out:
        progress = Progress(sj.Config(name=name, factors=dict(rotation=(-9, 9))), 1, 0, name)
        progress.console.file = out
        with progress:
            pass
        assert f"{name} · {name}" in out.getvalue()


def fuzzed(inputs, *more):
    done = subprocess.run([sys.executable, FUZZ, str(inputs), *more], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mutated_files_are_accepted_or_refused():
    assert fuzzed(100).endswith(" inputs, 0 findings\n")


@pytest.mark.slow
def test_a_hundred_thousand_mutated_files():
    total, _, rest = fuzzed(6200, "--seed", "1").splitlines()[-1].partition(" inputs, ")
    assert int(total) >= 100_000
    assert rest == "0 findings"
