"""A diagnosis in plain words: the question behind each metric, and what a verdict means."""

from __future__ import annotations

from collections.abc import Mapping

from seqjepa.diagnostics.estimate import Estimate, Key

QUESTIONS = {
    "sensitivity": "how far does the factor move the code? 0: not at all, 1: as far as another image is away",
    "variance_shares": "is its effect the same for all images (factor), or other for each, yet smooth (smooth)?",
    "dimension": "in how many directions does it move the code?",
    "explained_variance": "how much of that movement do its k leading directions hold? k: 2 for a circle, 1 for a line",
    "common_orbit": "the same for the path that all images share",
    "reliability": "do two halves of the images agree on its directions? under 0.8 they are not known",
    "overlap": "do two factors share directions? 0: none, 1: all",
    "alignment": "how much of the first's movement lies in the second's directions? 1: as much as in its own",
    "operator": "does one matrix say where the code goes? 1: exactly, 0: no better than staying or the mean",
    "composition": "is one step after another the step of both? 0: yes",
    "inverse": "does the step back undo the step? 0: yes",
    "orthogonality": "does a step keep lengths and angles? 0: yes",
    "frequency": "does it turn by whole frequencies, as what repeats must? distance from them, 0: yes",
    "drift": "is the code back after a whole turn of its matrix? 0: yes",
    "orbit_share": "how much of the images' paths is one path that all share?",
    "orbit_leading": "how much of the closed path is its leading circle?",
    "orbit_aspect": "is that circle round? the shorter axis over the longer, 1: yes",
    "closure": "do the factors' generators close, as those of the group do? 0: yes",
    "leakage": "what can be read, from where, by which probe? R², or the share of right answers for the class",
    "r2_lost": "what is lost of it without its directions? R² from all of the code, less that from the rest",
    "action": "is what lies between two views read from both their codes? R²",
    "action_error": "and how far off is the probe? the median, in the factor's own unit",
    "class_probe": "is the class read from one view at a random pose? share of right answers",
    "cross_class_transfer": "is the factor read from classes that the probe never saw? R²",
    "retrieval": "does the predictor's answer find the right view? mrr: mean of 1/rank, h@k: among the first k",
    "health": "has it collapsed? ranks: dimensions used; two_nn: of the codes' surface; lidar: that tell images apart",
}
PARTS = {"leakage": 3, "variance_shares": 2, "overlap": 2}  # of the keys of these metrics
AGAINST = {
    "above its null": "more than",
    "below its null": "less than",
    "at its null": "not significantly different from",
}


def verdict_in_words(verdict: str, null_is: str) -> str:
    """A verdict against a null, naming what the null stands for: "more than isotropic noise"."""
    return f"{AGAINST[verdict]} {null_is}" if verdict in AGAINST and null_is else verdict


def with_questions(table: str, metrics: list[str]) -> str:
    """A table whose headings are metrics alone on their lines, each followed by its question."""
    lines = []
    for line in table.splitlines():
        name = line.strip()
        lines.append(f" {name}: {QUESTIONS[name]}" if name in metrics and name in QUESTIONS else line)
    return "\n".join(lines)


def is_detail(metric: str, key: Key, estimates: Mapping[Key, Estimate]) -> bool:
    """What the short table leaves out: what is in the matrix, the rest of an analysis of variance, mirror images."""
    if metric == "leakage":
        return key[1:] != ("z", "linear")
    if metric == "variance_shares":
        return key[1] in ("content", "residual")
    keys = list(estimates)
    mirrored = (key[1], key[0])
    return metric == "overlap" and mirrored in keys and keys.index(mirrored) < keys.index(key)
