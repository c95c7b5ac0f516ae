"""How a factor moves a representation: effects, operators, the group's laws, neighbours on the grid."""

WRONG = {
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
    "the common effect resampled with itself": ("measures/variance.py", "(alike - twice)", "alike"),
    "noise taken for unequal movement": (
        "measures/movements.py",
        "halves[0] * halves[1]), weights",
        "halves[0] * halves[0]), weights",
    ),
    "alike with oneself": ("measures/movements.py", "sweep.shape[2] - mean) / (count - 1)", "sweep.shape[2]) / count"),
    "a variance over identities by I": ("measures/movements.py", "* count / (count - 1) / squared", "/ squared"),
    "the null pairs halves of one identity": ("measures/movements.py", "halves[1][order]", "halves[1]"),
    "still by either half": (
        "measures/movements.py",
        "halves.mean(1, keepdim=True)).all(0)",
        "halves.mean(1, keepdim=True)).any(0)",
    ),
    "a class's movement over its own distance": (
        "blocks/effects.py",
        "found.denominator.mean().expand_as(found.numerator)",
        "found.denominator",
    ),
    "bases that know nothing but the mean": (
        "measures/operators.py",
        "(moved, at, mean, shrunk)",
        "(moved, at, mean, at)",
    ),
    "a ceiling that noise does not lower": (
        "measures/operators.py",
        "max(0.0, 1 - floor /",
        "max(0.0, 1 - 0 * floor /",
    ),
    "what the source's noise hides is forgotten": (
        "measures/operators.py",
        "noise.trace() + hidden.trace().clamp(min=0)",
        "noise.trace()",
    ),
    "a mean orbit of those it is judged on": (
        "measures/orbits.py",
        "sweep[train].split(16)",
        "sweep[~train].split(16)",
    ),
    "a stencil of another weight": ("measures/generators.py", "(-1, -8 / 12)", "(-1, -6 / 12)"),
    "products that do not commute for commutators": ("measures/generators.py", "a @ b - b @ a", "a @ b + b @ a"),
    "random generators that are the same ones": ("measures/generators.py", "q @ matrix @ q.T", "matrix"),
    "drift after one step": ("measures/group_law.py", "for _ in range(sweep.shape[2])", "for _ in range(1)"),
    "the defect of MᵀM alone": ("measures/group_law.py", "h[k, :k] = offset @ basis / scale", "pass"),
    "a circle whose ends are no neighbours": (
        "measures/neighbours.py",
        "at[near] + turns * (period or 0.0)",
        "at[near]",
    ),
    "noise as loud as what is left of it": ("measures/neighbours.py", " / gain[:, None].sqrt()", ""),
    "linear without regard to the ceiling": ("blocks/group.py", "0.5 * max(ceiling, found.network)", "0.5"),
}
