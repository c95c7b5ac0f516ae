"""Irreps, and what departs from them."""

WRONG = {
    "frequencies in one plane counted twice": ("measures/irreps.py", "if gain - self._gain <=", "if float('inf') <="),
    "noise counted as irreps": ("measures/irreps.py", "spread.sqrt() * float", "0 * spread.sqrt() * float"),
    "directions tested on those that chose them": (
        "measures/irreps.py",
        "found = [_tested_directions(first, second, k,",
        "found = [_tested_directions(first, first, k,",
    ),
    "noise left in the spectra": (
        "measures/irreps.py",
        "half.covariance(k) - noise for k",
        "half.covariance(k) for k",
    ),
    "half of what turns is still": (
        "measures/irreps.py",
        "(self.directions @ self.filters).real * 2",
        "(self.directions @ self.filters).real",
    ),
    "what turns counted as still": ("measures/irreps.py", "half.values @ still.T", "half.values"),
    "filters that hear other irreps": (
        "measures/irreps.py",
        "torch.linalg.solve(gram, both.mH @ self._inverse)[:count]",
        "torch.linalg.solve(gram * torch.eye(len(gram)), both.mH @ self._inverse)[:count]",
    ),
    "filters that hear content and noise": (
        "measures/irreps.py",
        "torch.linalg.inv(moves + noises + ridge)",
        "torch.eye(dim, dtype=noise.dtype)",
    ),
    "noise that filters let in costs nothing": (
        "measures/irreps.py",
        "<= self._critical * float(",
        "<= 0 * self._critical * float(",
    ),
    "more directions than there are orbits": (
        "measures/fourier.py",
        "min(self.values.shape[-1], self.orbits - (frequency == 0))",
        "self.values.shape[-1]",
    ),
    "few samples whiten as many do": ("measures/irreps.py", "_energy(noise) / samples", "0 * _energy(noise) / samples"),
    "directions blind to each other without error": ("measures/irreps.py", "before * let_in", "0 * before * let_in"),
    "a movement that one half alone has": ("measures/fourier.py", "min(held) if", "max(held) if"),
    "counted in resamples though it was not taken": (
        "measures/irreps.py",
        "if i >= tested.rank or i in taken[k]",
        "if True",
    ),
    "the error of both directions": ("measures/irreps_error.py", "for j in of), wrong) / 2", "for j in of), wrong)"),
    "content within the planes let in once": (
        "measures/irreps_error.py",
        "(content + own[0] - own_noise[0]) / 2",
        "content / 2",
    ),
    "a pixel grid of three": ("measures/irreps_error.py", "GRID = 4", "GRID = 3"),
    "as many pairs of frequencies elsewhere": (
        "measures/irreps_error.py",
        "off_grid * pairs_on / max(1, pairs_off)",
        "off_grid",
    ),
    "any high frequency is noise": ("measures/irreps_error.py", "return bool((differ", "return True or bool((differ"),
    "noise left in the error": ("measures/irreps_error.py", "own[j] - own_noise[j]", "own[j]"),
    "half of the energy": ("measures/irreps_error.py", "Ratio(2 * (energy", "Ratio((energy"),
    "a representation of what noise moves": (
        "measures/irreps_error.py",
        "if float(signal.mean()) <= RESOLVED",
        "if float(signal.mean()) <= -RESOLVED",
    ),
}
