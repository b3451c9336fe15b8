"""The folder of configurations: its files, its groups, and Hydra's composition of one (environment, method)."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from benchmark.errors import BadInput, unknown


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads numbers as Hydra does when it composes the same files: 1e-3, without a point, is one."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)

# ${first:A,B}: A, or B where A is null.
OmegaConf.register_new_resolver(
    "first", lambda *values: next((value for value in values if value is not None), None), replace=True
)

NOT_GROUPS = ("grid", "claims", "published", "tuned")  # folders of configurations whose files Hydra does not compose


class Configs:
    """Files below one folder, read as plain YAML; a file that cannot be read says where it is broken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._compositions: dict[tuple[str, ...], DictConfig] = {}
        if not (self.folder / "config.yaml").is_file():
            raise BadInput(f"--configs {folder}: there is no config.yaml in it")

    @property
    def project(self) -> Path:
        """Paths of data files in a configuration are relative to the folder that holds `configs/`."""
        return self.folder.parent

    def shown(self, name: str) -> str:
        """A file's name for a person: `configs/<name>.yaml`."""
        return f"{self.folder.name}/{name}.yaml"

    @cache  # noqa: B019 - one Configs per command
    def read(self, name: str) -> dict[str, Any]:
        """The content of `<name>.yaml`, e.g. "env/rtfm_s1"."""
        path = self.folder / f"{name}.yaml"
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        except yaml.YAMLError as error:
            raise BadInput(f"{self.shown(name)} {_where(error)}; correct the file") from error
        except UnicodeDecodeError as error:
            raise BadInput(f"{self.shown(name)} is not UTF-8 text; correct the file") from error
        if content is None:
            return {}
        if not isinstance(content, dict):
            raise BadInput(f"{self.shown(name)} holds a {type(content).__name__}, expected `key: value` lines")
        return content

    def groups(self) -> list[str]:
        """Folders whose members can be chosen by `group=member`."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir() and path.name not in NOT_GROUPS)

    def members(self, group: str) -> list[str]:
        return sorted(path.stem for path in (self.folder / group).glob("*.yaml"))

    def member(self, group: str, name: object, what: str = "") -> str:
        """The member that a person means: dashes and underscores are one. Raises BadInput with the nearest name."""
        members = self.members(group)
        file = str(name).replace("-", "_")
        if file not in members:
            raise unknown(what or group, str(name), members)
        return file

    @cache  # noqa: B019
    def environments(self) -> dict[str, str]:
        """Environment id -> the file of the group that has it."""
        files = {name: self.read(f"env/{name}").get("env") for name in self.members("env")}
        return {str(own["id"]): name for name, own in files.items() if isinstance(own, dict) and "id" in own}

    @contextmanager
    def hydra(self) -> Iterator[None]:
        """While this is entered, `compose` works."""
        with initialize_config_dir(config_dir=str(self.folder), version_base=None):
            yield

    def compose(self, overrides: Sequence[str], about: str) -> DictConfig:
        """Hydra's composition, to be changed at will; what it rejects becomes one line about `about`."""
        words = tuple(overrides)
        if words not in self._compositions:  # variants of a method begin with the same one, which takes Hydra a while
            self._compositions[words] = self._compose(words, about)
        return copy.deepcopy(self._compositions[words])

    def _compose(self, overrides: Sequence[str], about: str) -> DictConfig:
        try:
            return compose("config", overrides=list(overrides))
        except yaml.YAMLError as error:
            raise BadInput(f"{self.folder.name}: {about}: a file {_where(error)}; correct it") from error
        except (HydraException, OmegaConfBaseException) as error:
            raise BadInput(f"{about}: {_first_line(error)}; check the files in {self.folder.name}/") from error


def resolved(config: Any, about: str) -> Any:
    """A node's plain content with its interpolations filled in."""
    try:
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise BadInput(f"{about}: {_first_line(error)}; check its configuration files") from error


def plain(config: DictConfig) -> dict[str, Any]:
    """A composition's plain content with its interpolations left as they are written."""
    content = OmegaConf.to_container(config, resolve=False)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def change(config: DictConfig, key: str, value: Any) -> None:
    """Set one dotted key of a composition."""
    OmegaConf.update(config, key, value, merge=False)


def leaves(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key -> value, of every value that is not itself a section; an empty section counts as a value."""
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            flat |= leaves(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _where(error: yaml.YAMLError) -> str:
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return f"is not valid YAML: {place}{problem}"


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
