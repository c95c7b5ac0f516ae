"""What varies between views: scenes, affine factors and their poses, actions."""

from seqjepa.factors.affine import affine_factors, sample_poses
from seqjepa.factors.affine_views import AffineViews
from seqjepa.factors.relative_pose import action_columns, actions
from seqjepa.factors.scenes import FunctionScene, Scene, picture_scene
from seqjepa.factors.warping import warp

__all__ = [
    "AffineViews",
    "FunctionScene",
    "Scene",
    "action_columns",
    "actions",
    "affine_factors",
    "picture_scene",
    "sample_poses",
    "warp",
]
