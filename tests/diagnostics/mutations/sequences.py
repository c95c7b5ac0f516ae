"""Sequences: probes across lengths, paths, the next view, what aggregation changes."""

WRONG = {
    "a probe of paths that is fitted at every length": (
        "measures/across_lengths.py",
        "of_length[:, fitted] = True",
        "of_length[:] = True",
    ),
    "one mean of the paths of all lengths": (
        "measures/across_lengths.py",
        "true.mean((0, 2), keepdim=True)",
        "true.mean((0, 1, 2), keepdim=True)",
    ),
    "a null of paths that are not permuted": (
        "measures/across_lengths.py",
        "targets[permutation(split, random)]",
        "targets",
    ),
    "the view after the next": ("measures/upcoming.py", "(source + 1) % views_each", "(source + 2) % views_each"),
    "the last view among those at random": ("measures/upcoming.py", "    other[windows, last] = False\n", ""),
    "the error of the last view": ("measures/upcoming.py", "near[:, windows, upcoming]", "near[:, windows, last]"),
    "a path of one step more": ("blocks/sequences.py", "(codes.last + 1 - length)", "(codes.last - length)"),
    "factors read from actions that were told": ("blocks/sequences.py", 'BOTH if name == "class" else VISION', "BOTH"),
    "the gap at the longest sequence": (
        "blocks/sequences.py",
        "key=lambda n: (abs(n - codes.observed), n)",
        "key=lambda n: -n",
    ),
}
