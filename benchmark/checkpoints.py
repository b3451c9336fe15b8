"""Checkpoints of a running stage: the newest two, each checked as a whole before it is trusted."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.files import write_bytes

KEEP = 2
_NAME = re.compile(r"(\d+)-([0-9a-f]+)\.(json|pt)(\.damaged)?")


class Checkpoints:
    """The folder `checkpoint/` of a run. A file's name carries its number and the hash of its content.

    A state of plain JSON values is stored as JSON, so that a stage without torch needs none; any other as torch does,
    readable with `weights_only=True`: tensors, numbers, strings, and dicts, lists and tuples of them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, state: dict[str, Any], about: dict[str, Any]) -> Path:
        """Store a state with what the harness must know to continue (`about`, plain JSON); drop all but the newest.

        Raises Unwritable; the earlier ones are still there then.
        """
        envelope = {"about": about, "state": state}
        if _is_json(envelope):
            data, suffix = json.dumps(envelope).encode(), "json"
        else:
            _require_loadable(state, "state")
            import torch

            buffer = io.BytesIO()
            torch.save(envelope, buffer)
            data, suffix = buffer.getvalue(), "pt"
        path = self.folder / f"{self.number() + 1:06d}-{_digest(data)}.{suffix}"
        write_bytes(path, data)
        for old in self._newest_first()[KEEP:]:
            old.unlink(missing_ok=True)
        return path

    def newest(self) -> tuple[dict[str, Any], dict[str, Any], list[str]] | None:
        """(state, about, notes) of the newest whole checkpoint, or None; a note says which file was damaged.

        Only for the holder of the stage: a damaged file is renamed, so that it does not count as one of the newest.
        """
        notes = []
        for path in self._newest_first():
            try:
                data = path.read_bytes()
            except OSError as error:
                notes.append(f"checkpoint {path.name} cannot be read ({error.strerror}); trying the previous")
                continue
            if _digest(data) != path.stem.split("-")[1]:
                notes.append(f"checkpoint {path.name} does not match its own hash, it is damaged; trying the previous")
                with contextlib.suppress(OSError):
                    path.rename(path.with_name(f"{path.name}.damaged"))
                continue
            if path.suffix == ".json":
                envelope = json.loads(data)
            else:
                import torch

                envelope = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
            return envelope["state"], envelope["about"], notes
        return None

    def number(self) -> int:
        """How many checkpoints have been saved so far, those since dropped or found damaged included."""
        return max((int(_parts(path)[0]) for path in self._files()), default=0)

    def clear(self) -> None:
        for path in self._files():
            path.unlink(missing_ok=True)

    def _newest_first(self) -> list[Path]:
        whole = [path for path in self._files() if _parts(path)[3] is None]
        return sorted(whole, key=lambda path: int(_parts(path)[0]), reverse=True)

    def _files(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]


def _parts(path: Path) -> tuple[str, ...]:
    """Number, hash, format and whether damaged, of a checkpoint's name."""
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return match.groups()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _is_json(value: Any) -> bool:
    if type(value) is dict:
        return all(type(name) is str and _is_json(item) for name, item in value.items())
    if type(value) is list:
        return all(_is_json(item) for item in value)
    return value is None or type(value) in (bool, int, float, str)


def _require_loadable(value: Any, where: str) -> None:
    """Refuse now what could be saved but not loaded again, instead of at the resume."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            _require_loadable(item, f"{where}[{name!r}]")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _require_loadable(item, f"{where}[{index}]")
    elif value is not None and type(value) not in (bool, int, float, str, bytes):
        import torch

        if not isinstance(value, torch.Tensor):
            kind = f"{type(value).__module__}.{type(value).__name__}"
            raise TypeError(f"checkpoint {where} is a {kind}; expected tensors, numbers, strings or containers of them")
