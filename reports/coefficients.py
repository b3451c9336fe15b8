"""Coefficients that a search has set: which a method uses, and which methods of one kind use different ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.frame import GridData
from reports.page import Text
from reports.text import listed, plain_value

METHOD = "method."
"""Keys that begin so are of the method's own configuration, whose defaults the plan knows."""


@dataclass(frozen=True)
class Choice:
    """A searched coefficient of a method on an environment. default: None where nobody says.

    candidates: of the search, value -> its score there (None without one); empty where the plan does not carry them.
    """

    environment: str
    method: str
    key: str
    value: Any
    default: Any
    candidates: tuple[tuple[Any, float | None], ...]

    @property
    def changed(self) -> bool:
        """Whether it is known to differ from the default."""
        return self.default is not None and bool(self.value != self.default)


def choices(data: GridData) -> list[Choice]:
    """Every searched coefficient of the grid's methods, by environment and in the order of the file."""
    found = []
    for environment in data.environments:
        for method, chosen in (data.tuned.get("values") or {}).get(environment, {}).items():
            if method in data.methods:
                found += [_choice(data, environment, method, key, value) for key, value in chosen.items()]
    return found


def _choice(data: GridData, environment: str, method: str, key: str, value: Any) -> Choice:
    records = ((data.tuned.get("candidates") or {}).get(environment) or {}).get(method) or []
    metric = (data.tuned.get("selected_on") or {}).get("metric", data.headline(environment))
    if isinstance(metric, Mapping):  # of a search in several
        metric = metric.get(environment)
    candidates = tuple((record[key], record.get(metric)) for record in records if key in record)
    default = _default(data, method, key)
    if default is None and candidates:  # the first listed
        default = candidates[0][0]
    return Choice(environment, method, key, value, default, candidates)


def _default(data: GridData, method: str, key: str) -> Any:
    return data.plan.methods.get(method, {}).get(key.removeprefix(METHOD)) if key.startswith(METHOD) else None


def unequal(data: GridData) -> list[tuple[str, str, dict[str, tuple[str, ...]]]]:
    """Environment, key, value -> methods: where methods with one default of a coefficient run with different values.

    A method whose default differs, as of an ablation that switches the coefficient off, is not among them.
    """
    tuned = {(c.environment, c.key, c.method): c for c in choices(data) if c.key.startswith(METHOD)}
    found = []
    for environment, key in dict.fromkeys((e, k) for e, k, _ in tuned):
        defaults = {method: _default(data, method, key) for method in data.methods}
        for default in dict.fromkeys(c.default for (e, k, _), c in tuned.items() if (e, k) == (environment, key)):
            groups: dict[str, tuple[str, ...]] = {}
            for method in (m for m, its_default in defaults.items() if its_default == default):
                choice = tuned.get((environment, key, method))
                value = plain_value(choice.value if choice else default)
                groups[value] = (*groups.get(value, ()), method)
            if len(groups) > 1:
                found.append((environment, key, groups))
    return found


def unequal_warning(data: GridData) -> list[Text]:
    """Which comparisons mix a switch with a coefficient; nothing where none does."""
    found = unequal(data)
    if not found:
        return []
    cases = [
        f"On {data.environment_label(environment)} `{key}` is "
        + listed([f"{value} with {data.method_names(methods, environment)}" for value, methods in groups.items()])
        for environment, key, groups in found
    ]
    words = (
        "Each method runs with its own tuned coefficient, so LDD and an ablation of it may differ in λ "
        f"(`method.distill`) as well as in their switch. {'. '.join(cases)}. A difference between methods with "
        "different values has two possible causes."
    )
    return [Text(words, "warning")]
