"""Commands are typed here; how well a network reads is asked elsewhere."""

from tests.hurried import few_figures, hurry  # noqa: F401
