"""Ranks and their errors, intervals, p, what stays within its range."""

WRONG = {
    "RankMe centred": ("measures/health.py", '"rankme": False', '"rankme": True'),
    "views left out one by one": (
        "measures/health.py",
        "z[group == g].double().flatten(0, 1)",
        "z.double().flatten(0, 1)[g::20]",
    ),
    "half of the jackknife's error": ("measures/health.py", "(groups - 1) / groups", "(groups - 1) / groups / 4"),
    "groups left out without Student's reach": (
        "measures/bootstrap.py",
        "(value + wide * (weights - 1) @ (left_out",
        "(value + (weights - 1) @ (left_out",
    ),
    "a ratio by what is below 0": ("measures/bootstrap.py", "draws.where(below > 0, largest)", "draws"),
    "intervals without skewness": (
        "measures/bootstrap.py",
        "z / (1 - skewness * z) if skewness * z < 1 else math.copysign(math.inf, z)",
        "z",
    ),
    "intervals without the median's bias": (
        "measures/bootstrap.py",
        "for z in (bias - reach, bias + reach)",
        "for z in (-reach, reach)",
    ),
    "intervals as narrow as the normal's": (
        "measures/bootstrap.py",
        "float(stdtrit(spread_freedom(centred), (1 + level) / 2)) * (count / (count - 1)) ** 0.5",
        "float(ndtri((1 + level) / 2))",
    ),
    "as many degrees of freedom as terms": (
        "measures/bootstrap.py",
        "stdtrit(spread_freedom(centred)",
        "stdtrit(count - 1",
    ),
    "few identities among a thousand groups": (
        "measures/bootstrap.py",
        "min(len(values), MOST_GROUPS), dtype",
        "MOST_GROUPS, dtype",
    ),
    "unpaired differences": ("estimate.py", "(mine - theirs).tolist()", "(mine - theirs.flip(0)).tolist()"),
    "p of one side": ("estimate.py", "return 2 * tail if", "return tail if"),
    "p without the estimate's spread": (
        "estimate.py",
        "ndtr((value - draws) / spread)",
        "ndtr((value - draws) / 1e-9)",
    ),
    "a tail that falls twice as fast": ("estimate.py", "-math.log(4) * (distance", "-2 * math.log(4) * (distance"),
    "p of half of the distance": (
        "estimate.py",
        "math.erfc(abs(distance) / spread",
        "math.erfc(abs(distance) / 2 / spread",
    ),
    "intervals leave the range": ("bounds.py", "return value if high is None else min(value, high)", "return value"),
    "what is not finite is given": ("bounds.py", "if not math.isfinite(estimate.value):", "if False:"),
    "a null that is not finite": ("bounds.py", "and math.isfinite(estimate.null)", ""),
    "the lower end is not kept": ("bounds.py", "value if low is None else max(value, low)", "value"),
}
