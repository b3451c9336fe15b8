"""The original's sentences, written by people: text_{train,val,test}.json of messenger-emma, where the user has them.

They are not part of this project (MIT licence, Copyright (c) 2021 H. J. Austin Wang). A file is entity -> role ->
movement -> list of sentences; some sentences are useless or ambiguous, some lists that no game asks for are empty (§3).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from envs.base import EnvError
from envs.messenger.games import ENEMY, ENTITIES, GOAL, MESSAGE, ROLES, games, parts
from envs.messenger.wording import MOVEMENTS, POOLS, UNKNOWN, text_split

Texts = dict[str, dict[str, dict[str, list[str]]]]
_PACKAGE = "package:"
_REMEDY = (
    "set data_dir, in a grid messenger.data_dir, to the folder with text_train.json, text_val.json and text_test.json "
    "of messenger-emma"
)


def folder(data_dir: str) -> Path:
    """The folder of the files: a path, or "package:messenger/envs/texts" inside an installed package.

    The package is looked up, not imported. Raises EnvError where it is not installed.
    """
    if not data_dir.startswith(_PACKAGE):
        return Path(data_dir).expanduser()
    package, *inside = data_dir.removeprefix(_PACKAGE).split("/")
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise EnvError(f"wording='human': {data_dir} names the package {package!r}, which is not installed; {_REMEDY}")
    return Path(next(iter(spec.submodule_search_locations)), *inside)


def file(data_dir: str, split: str) -> Path:
    """Whose sentences tell the games of a split; dev is told in those of train, for val's lack most of its pairs."""
    return folder(data_dir) / f"text_{'train' if split == 'dev' else text_split(split)}.json"


def texts(data_dir: str, split: str) -> Texts:
    """The file of a split. Raises EnvError where it is missing or is not what it should be."""
    return _read(file(data_dir, split))


@cache
def _read(path: Path) -> Texts:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EnvError(f"wording='human': cannot read {path}: {error.strerror}; {_REMEDY}") from error
    except ValueError as error:  # neither UTF-8 nor JSON
        raise EnvError(f"wording='human': {path} is no JSON file: {error}; {_REMEDY}") from error
    for entity in ENTITIES:
        for role in ROLES:
            for movement in (*MOVEMENTS, UNKNOWN):
                _check(path, content, entity, role, movement)
    return content


def _check(path: Path, content: object, *keys: str) -> None:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    if not isinstance(content, list) or not all(isinstance(text, str) and text.strip() for text in content):
        raise EnvError(f"wording='human': {path} has no list of sentences at {' > '.join(keys)}; {_REMEDY}")


def sentences(data_dir: str, split: str, entity: str, role: str, movements: tuple[str, ...]) -> tuple[str, ...]:
    """One pool in the order of the file; a sentence that stands there twice is drawn twice as often."""
    of_pair = texts(data_dir, split)[entity][role]
    return tuple(text for movement in movements for text in of_pair[movement])


def training_sentences(data_dir: str) -> Iterator[str]:
    """All of text_train.json: what fixes the closed vocabulary; a word that only val or test has is unknown to it."""
    for entity in ENTITIES:
        for role in ROLES:
            yield from sentences(data_dir, "train", entity, role, (*MOVEMENTS, UNKNOWN))


def require(data_dir: str, split: str, stage: int) -> None:
    """Raises EnvError for the first pool that the games of a split can ask for and that is empty, naming it."""
    for entity, roles, pools in _needed(split, stage):
        name = ENTITIES[entity]
        empty = {
            ROLES[role]: [pool for pool in pools if not sentences(data_dir, split, name, ROLES[role], pool)]
            for role in roles
        }
        if all(empty.values()):
            where = ", nor ".join(f"at {name} > {role} > {' + '.join(lacks[0])}" for role, lacks in empty.items())
            raise EnvError(
                f"wording='human': {file(data_dir, split)} has no sentence {where}, "
                f"but games of the split {split!r} of stage {stage} need one; {_REMEDY}"
            )


def _needed(split: str, stage: int) -> Iterator[tuple[int, tuple[int, ...], tuple[tuple[str, ...], ...]]]:
    """(entity, roles, pools): in one of these roles, the entity must have all of these pools."""
    pools = POOLS[stage]
    for game in (game for part in parts(split, len(ENTITIES)) for game in games(len(ENTITIES), part)):
        yield from ((entity, (role,), pools) for role, entity in enumerate(game))
        if stage == 3:
            yield from ((game[role], (ENEMY,), pools) for role in (MESSAGE, GOAL))
            yield game[ENEMY], (MESSAGE, GOAL), pools
