"""What a diagnosis of a foreign encoder does unless told otherwise. Light, so that ``--help`` can name it."""

SOURCE = "mnist"
RANGES = {  # rotation in degrees, shifts in pixels, scale a ratio
    "rotation": (-180.0, 180.0),
    "translate_x": (-7.0, 7.0),
    "translate_y": (-7.0, 7.0),
    "scale": (0.5, 1.0),
}
BASELINES = ("pixels", "pca", "untrained", "supervised")
PCA_DIM = 64
SUPERVISED_IMAGES = 10_000  # at most, drawn at random
