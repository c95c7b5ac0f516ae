"""Many runs: a grid of configurations by seeds, trained here or on a cluster, and compared."""

from seqjepa.grid.cluster import run_on_cluster
from seqjepa.grid.comparison import Point, compare_members, comparison_csv
from seqjepa.grid.here import Outcome, run_here
from seqjepa.grid.members import Member, make_members, parse_grid

__all__ = [
    "Member",
    "Outcome",
    "Point",
    "compare_members",
    "comparison_csv",
    "make_members",
    "parse_grid",
    "run_here",
    "run_on_cluster",
]
