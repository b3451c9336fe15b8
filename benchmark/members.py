"""What files and compositions say of themselves: what is not available, and why; and which keys they must have."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any

from benchmark.configs import Configs, leaves
from benchmark.errors import BadInput, nearest, unknown
from benchmark.packages import installed, remedy
from benchmark.validate import Schema

_FREE_GROUPS = ("env", "executor", "preset")  # whose files need not have the same keys


def own(configs: Configs, group: str, name: str) -> dict[str, Any]:
    """What the file says of the environment or method itself. Raises BadInput where an id or provenance is wrong."""
    content = configs.read(f"{group}/{name}")
    own = content.get(group, content)
    shown = configs.shown(f"{group}/{name}")
    if group == "env" and not isinstance(own.get("id"), str):
        raise BadInput(f"{shown}: env.id is missing, expected the environment's name")
    if group == "method" and isinstance(own.get("provenance"), Mapping):
        _require_provenance(own["provenance"], configs.environments(), shown)
    return dict(own)


def _require_provenance(words: Mapping[str, Any], environments: Iterable[str], shown: str) -> None:
    if "default" not in words:
        raise BadInput(f"{shown}: provenance.default is missing, expected the word for all other environments")
    for name, word in words.items():
        if name != "default" and name not in environments:
            raise BadInput(f"{shown}: provenance: {unknown('environment', str(name), environments)}")
        if not isinstance(word, str):
            raise BadInput(f"{shown}: provenance.{name} is {word!r}, expected a word")


def unavailable(configs: Configs, environment: str, method: str) -> str | None:
    """Why the files of an environment and a method say that they cannot be run together; None where they can."""
    of_environment, of_method = own(configs, "env", environment), own(configs, "method", method)
    reasons = [of_environment.get("unavailable"), of_method.get("unavailable")]
    reasons.append((of_method.get("unavailable_on") or {}).get(of_environment["id"]))
    return "; ".join(str(reason) for reason in reasons if reason) or None


def not_installed(needs: Any, about: str) -> str | None:
    """Why what needs these packages cannot be run here; None where all are installed. Raises BadInput.

    needs: names that pip knows, in a list or alone, or None.
    """
    names = [needs] if isinstance(needs, str) else needs or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadInput(f"{about}: needs is {needs!r}, expected the name of a package, or a list of names")
    absent = [name for name in names if installed(name) is None]
    return "; ".join(f"the package {name} is not installed ({remedy(name)})" for name in absent) or None


def require_same_keys(configs: Configs) -> None:
    """Files that can stand for each other have the same keys; a misspelt one is found by that. Raises BadInput.

    Those are the files of one group, or, where they carry a `name` (of the code that reads them), those of one name.
    """
    for group in configs.groups():
        if group in _FREE_GROUPS:
            continue
        families: dict[Any, dict[str, set[str]]] = {}
        for member in configs.members(group):
            content = own(configs, group, member)
            if not content.get("unavailable"):
                whole = {**content, "provenance": None} if "provenance" in content else content
                keys = {key for key in leaves(whole) if not key.startswith("unavailable")}
                families.setdefault(str(content.get("name")), {})[member] = keys
        for family in families.values():
            _require_equal(configs, group, family)


def _require_equal(configs: Configs, group: str, family: Mapping[str, set[str]]) -> None:
    for name, keys in family.items():
        others = set().union(*(keys for other, keys in family.items() if other != name))
        for key in sorted(keys - others) if len(family) > 1 else ():
            if len(family) > 2 or nearest(key, others - keys):
                raise BadInput(f"{configs.shown(f'{group}/{name}')}: {unknown('key', key, others)}")
    every = set().union(*family.values())
    for name, keys in family.items():
        for key in sorted(every - keys):
            having = next(other for other, keys in family.items() if key in keys)
            raise BadInput(f"{configs.shown(f'{group}/{name}')}: key {key!r} is missing; {group}/{having}.yaml has it")


def require_known_rules(configs: Configs, schema: Schema) -> None:
    """A rule says nothing where its keys are not there, so each key must be there in some file. Raises BadInput."""
    known = _every_key(configs)
    for key in dict.fromkeys((*schema.rules, *schema.between.keys())):
        if not any(fnmatch.fnmatchcase(name, key) and name.count(".") == key.count(".") for name in known):
            raise BadInput(f"{configs.shown('schema')}: a rule is about an {unknown('key', key, known)}")


def _every_key(configs: Configs) -> set[str]:
    """The dotted keys of all files that a composition can be made of."""
    keys = set(leaves(configs.read("config")))
    for group in configs.groups():
        for member in configs.members(group):
            content = configs.read(f"{group}/{member}")
            keys |= set(leaves(content if group in content else {group: content}))
    return keys
