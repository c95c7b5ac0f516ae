"""What tmeasures asks of a network, but for its activations."""

from __future__ import annotations

from typing import Any

from tmeasures.np.activations_iterator import ActivationsIterator  # pyright: ignore[reportMissingImports]


class OneLayer(ActivationsIterator):
    """One layer, "z"; whoever inherits gives it images first and transformations first, and nothing else is asked."""

    def layer_names(self) -> list[str]:
        return ["z"]

    def _not_asked(self) -> Any:
        raise NotImplementedError

    get_transformations = get_both_iterator = _not_asked
    get_normal_activations_iterator = get_inverted_activations_iterator = _not_asked
