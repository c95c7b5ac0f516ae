"""A term of the objective: a function of a model's outputs, entered by one decorator.

::

    @term(weight=0.1)
    def spread(outputs: Outputs, power: Annotated[float, Field(gt=0, description="Its exponent.")] = 2.0) -> Tensor:
        \"\"\"Mean norm of z to a power.\"\"\"
        return outputs.z.norm(dim=-1).pow(power).mean()

In a file of this folder it is found by itself: ``--objective.spread.weight`` and ``--objective.spread.power`` exist,
``--help`` prints their meaning, and ``metrics.csv`` has a column ``spread``. Elsewhere it is an object for
``seqjepa.train(…, terms=[spread])``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_type_hints

from jaxtyping import Float
from pydantic import Field, ValidationError, create_model
from torch import Tensor

from seqjepa.model.needs import Need
from seqjepa.settings import MadeSection, Section, Weight
from seqjepa.types import InputError, Outputs


@dataclass(frozen=True)
class Part:
    """One of several values of a term: it enters the loss with the term's weight and is logged under its own name.

    Attributes:
        name: of its column in ``metrics.csv``: the term's name, or that with an ending, as in ``rate_z_agg``.
        value: a scalar, with gradient.
        watched: by name, what is logged beside it to read it by and does not enter the loss.
    """

    name: str
    value: Float[Tensor, ""]
    watched: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)


@dataclass(frozen=True)
class Term:
    """A named function of ``Outputs`` with its settings; made by ``term``.

    Attributes:
        name: in the configuration and in logs.
        function: ``(outputs, **settings)`` to a scalar, or to ``Part`` s where there are several.
        settings: the section of its configuration: its weight, and the function's further arguments.
        maximised: whether it enters the loss negatively.
        always: computed and logged at weight 0 too.
        needs: its settings to what it asks of the rest of the configuration.
        halves: its settings to whether it compares the aggregates of a sequence's two halves (``Outputs.halves``),
            which the model computes only where a term asks for them.
    """

    name: str
    function: Callable[..., Tensor | Sequence[Part]]
    settings: Section
    maximised: bool = False
    always: bool = False
    needs: Callable[[Section], Sequence[Need]] = lambda settings: ()
    halves: Callable[[Section], bool] = lambda settings: False

    @property
    def asks(self) -> Sequence[Need]:
        """What it asks of the rest of the configuration under its settings."""
        return self.needs(self.settings)

    @property
    def asks_for_halves(self) -> bool:
        """Whether it is computed at all, and compares the aggregates of a sequence's two halves."""
        return bool(self.weight or self.always) and self.halves(self.settings)

    @property
    def weight(self) -> float:
        """What it is multiplied by in the loss."""
        return self.settings.weight  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def meaning(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.function) or self.name).partition("\n")[0]

    def __call__(self, outputs: Outputs) -> list[Part]:
        """Its values under its settings, without the weight. Raises InputError for what is no scalar."""
        settings = {name: value for name, value in self.settings if name != "weight"}
        found = self.function(outputs, **settings)
        parts = [Part(self.name, found)] if isinstance(found, Tensor) else found
        if not isinstance(parts, list | tuple) or not all(isinstance(part, Part) for part in parts):
            kind = type(found).__name__
            raise InputError(f"the term {self.name!r} returned a {kind}, not a scalar tensor or a list of Parts")
        for part in parts:
            if not isinstance(part.value, Tensor) or part.value.ndim:
                shape = tuple(part.value.shape) if isinstance(part.value, Tensor) else type(part.value).__name__
                raise InputError(f"the term {part.name!r} returned {shape}, not a scalar; take a mean over the batch")
        return list(parts)

    def configured(self, settings: Section) -> Term:
        """The same term with the settings of a configuration."""
        return replace(self, settings=settings)

    def with_settings(self, **changes: Any) -> Term:
        """The same term with some settings changed: ``contrastive.with_settings(weight=1.0, temperature=0.5)``.

        Raises:
            InputError: an unknown setting, or a value out of its limits.
        """
        try:
            return self.configured(type(self.settings).model_validate({**dict(self.settings), **changes}))
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"the term {self.name!r}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def term(
    *,
    weight: float,
    maximised: bool = False,
    always: bool = False,
    needs: Sequence[Need] | Callable[[Section], Sequence[Need]] = (),
    halves: Callable[[Section], bool] = lambda settings: False,
) -> Callable[[Callable[..., Any]], Term]:
    """Make a function of ``Outputs`` a term of the objective, under the function's name.

    Its further arguments are its settings, each with a default. Limits and the meaning that ``--help`` prints are given
    as in ``Annotated[float, Field(gt=0, description="…")]``.

    Args:
        weight: its default weight; at 0 it is not computed.
        maximised: whether it enters the loss negatively.
        always: computed and logged at weight 0 too.
        needs: what it asks of the rest of the configuration, refused before work starts where it is not so; or a
            function of the settings to that.
        halves: of the settings, whether it reads ``Outputs.halves``.
    """

    def made(function: Callable[..., Any]) -> Term:
        hints = get_type_hints(inspect.unwrap(function), include_extras=True)
        fields: dict[str, Any] = {}
        for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
            if parameter.default is parameter.empty:
                raise InputError(f"the term {function.__name__!r}: its setting {name!r} needs a default")
            fields[name] = (hints.get(name, Any), parameter.default)
        how = " The term is maximised." if maximised else ""
        about = (inspect.getdoc(function) or function.__name__).partition("\n")[0].rstrip(".")
        weighted = (Weight, Field(weight, description=f"Weight of the term: {about}.{how}"))
        fields = {"weight": weighted, **fields}
        try:
            settings = create_model(f"{function.__name__}_settings", __base__=MadeSection, **fields).model_validate(
                {name: default.default if name == "weight" else default for name, (_, default) in fields.items()}
            )
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(f"the term {function.__name__!r}: its default of {where}: {first['msg']}") from None
        always_asked = () if callable(needs) else tuple(needs)
        asked = needs if callable(needs) else lambda settings: always_asked
        return Term(function.__name__, function, settings, maximised, always, asked, halves)

    return made
