"""Many runs: a grid of configurations by seeds, trained here or on a cluster, and compared."""

from seqjepa.workflows.grid.cluster import run_on_cluster
from seqjepa.workflows.grid.local import Outcome, run_here
from seqjepa.workflows.grid.members import Member, make_members, parse_grid
from seqjepa.workflows.grid.points import Point, compare_members, comparison_csv

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
