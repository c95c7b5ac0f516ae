"""How much of anything a file, a name or an option may be: one table, shown in docs/reliability.md.

A limit stands where work or memory would grow without bound with what a small file claims, or where a number is beyond
what can be computed with. Each is far beyond honest use; what is refused says the limit.
"""

from __future__ import annotations

from typing import NamedTuple


class Limit(NamedTuple):
    """One limit: of what it is, its value, and why it stands there."""

    of: str
    value: int
    why: str


LIMITS: dict[str, Limit] = {}


def _limit(name: str, of: str, value: int, why: str) -> int:
    LIMITS[name] = Limit(of, value, why)
    return value


# Bytes.
YAML_BYTES = _limit("YAML_BYTES", "bytes of a YAML file", 1 << 20, "a configuration has 3,000")
ROWS_BYTES = _limit("ROWS_BYTES", "bytes of a table of metrics", 256 << 20, "it is read whole")
JSON_BYTES = _limit("JSON_BYTES", "bytes of a diagnosis", 256 << 20, "it is read whole")
HEADER_BYTES = _limit("HEADER_BYTES", "bytes that a file of tensors says of itself", 64 << 20, "they are read whole")
LOG_BYTES = _limit("LOG_BYTES", "bytes of a process's log that are read", 1 << 16, "its last line is wanted")

# What is written in a file.
YAML_NODES = _limit("YAML_NODES", "keys and values of a YAML file", 5_000, "PyYAML reads some 10,000 a second")
NESTED = _limit("NESTED", "levels of a file's values", 32, "what walks through them does so a level at a time")
JSON_VALUES = _limit("JSON_VALUES", "values of a diagnosis", 5_000_000, "each takes some 50 bytes of memory")
DIGITS = _limit("DIGITS", "digits of a whole number", 20, "64 bits; longer ones take quadratic time")
NAME_LETTERS = _limit("NAME_LETTERS", "letters of a name (factor, metric, column, part)", 100, "it stands in tables")
UNIT_LETTERS = _limit("UNIT_LETTERS", "letters of a unit", 40, "it stands on every axis")
TEXT_LETTERS = _limit("TEXT_LETTERS", "letters of any text in a file", 10_000, "it is shown whole")
PATH_LETTERS = _limit("PATH_LETTERS", "letters of a path", 4_096, "what Linux takes")
ARRAYS = _limit("ARRAYS", "arrays of an archive, tensors of a file", 20_000, "each has a name and a header")

# What is diagnosed.
FACTORS = _limit("FACTORS", "factors", 32, "pages and matrices grow with their square")
ESTIMATES = _limit("ESTIMATES", "estimates of a diagnosis", 20_000, "each is a row of the page")
BASELINES = _limit("BASELINES", "baselines of a diagnosis", 16, "each is a column of the page")
LAYERS = _limit("LAYERS", "layers of an encoder", 256, "each is a row of a figure")
POINTS = _limit("POINTS", "points of a curve, entries of an estimate's details", 10_000, "each is drawn")
SAMPLES = _limit("SAMPLES", "samples that an interval came from", 1_000_000, "they are resampled")
DIMENSIONS = _limit("DIMENSIONS", "dimensions of a representation", 1 << 20, "what can be decomposed is far smaller")
CLASSES = _limit("CLASSES", "classes", 100_000, "each has a name, and probes a score for it")
IDENTITIES = _limit("IDENTITIES", "identities of a diagnosis", 10_000_000, "each is listed in its split")
REQUIREMENTS = _limit("REQUIREMENTS", "requirements of a file", 1_000, "each is judged")

TAPS = _limit("TAPS", "anti-aliasing samples a side of a view's pixel", 256, "views are made with their square")

# What is trained.
EPOCHS = _limit("EPOCHS", "epochs of a run, rows of its metrics", 100_000, "all rows are written after each epoch")
COLUMNS = _limit("COLUMNS", "columns of a table of metrics", 1_000, "each is a curve")
VIEWS = _limit("VIEWS", "views of a sequence", 128, "a batch holds them all")
CHANNELS = _limit("CHANNELS", "width of a layer", 1 << 16, "weights grow with its square")
BATCH = _limit("BATCH", "sequences of a batch", 1 << 20, "they are in memory together")
IMAGE_PIXELS = _limit("IMAGE_PIXELS", "pixels a side of a run's images", 1 << 14, "a batch holds many")
MEMBERS = _limit("MEMBERS", "runs of a grid", 1_000, "each is checked before the first begins")

# Numbers. Squares and products of the largest can still be computed with.
NUMBER = _limit("NUMBER", "absolute value of a number in a diagnosis or a table", 10**100, "its square is finite")
CODE = _limit("CODE", "absolute value of a representation's component", 10**38, "float32 has no larger ones")
FACTOR = _limit("FACTOR", "absolute value of a factor, in its unit", 10**12, "differences of 0.001 are kept")
STEP = _limit("STEP", "times that 1 is larger than the finest step of a factor", 10**12, "float64 tells no finer")
SMALLEST = _limit("SMALLEST", "1 over the least setting but 0", 10**12, "float32 tells less from nothing no more")
WHOLE = _limit("WHOLE", "absolute value of a whole number, a seed", 1 << 62, "what PyTorch can count")
SETTING = _limit("SETTING", "a weight, a rate, a shift or any other setting of a run", 10**6, "a loss stays finite")


def limits_markdown() -> str:
    """The table, for the documentation."""
    lines = ["| what | at most | why |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {limit.of} | {_shown(name)} | {limit.why} |" for name, limit in LIMITS.items())])


def _shown(name: str) -> str:
    value = LIMITS[name].value
    if name.endswith("_BYTES"):
        return f"{value >> 20} MiB" if value >> 20 else f"{value >> 10} KiB"
    if value == 1 << 62:
        return "2^62"
    return f"10^{len(str(value)) - 1}" if value >= 10**12 else f"{value:,}"
