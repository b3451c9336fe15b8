"""A corpus of recorded NetHack games: which games, which of them are fitted and which held out, and its identity.

A corpus is a folder with

- ``games.json``: what follows, canonical: the same games give the same file, wherever and in whatever order they lie;
- ``ttyrecs.db``: the SQLite index of nle.dataset, which says where the ttyrecs are;
- ``ttyrecs/``: the ttyrecs and xlogfiles, where they were recorded here; an official archive stays where it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from envs.base import EnvError

FORMAT = 1
FOLDER, GAMES, INDEX, TTYRECS = "corpus", "games.json", "ttyrecs.db", "ttyrecs"

Part = Literal["fitted", "held_out"]

REMEDY = "record the games, or register the archive with run_all.py data nethack, anew"


@dataclass(frozen=True)
class Game:
    """files: its ttyrecs in playing order, relative to the corpus' root. frames: how many all of them show together.

    points, turns, depth (the deepest level reached), death: from its line in the xlogfile. sha256: of what is seen and
    pressed in it, without the times.
    """

    files: tuple[str, ...]
    frames: int
    points: int
    turns: int
    depth: int
    death: str
    sha256: str


def _player(game: Game) -> str:
    """NLD-NAO: a folder per player."""
    return game.files[0].rpartition("/")[0].rpartition("/")[2].lower()


def _name(game: Game) -> str:
    """NLD-AA: a file per game, in a folder per process that played."""
    return "/".join(game.files[0].split("/")[-2:])


HASHED: Mapping[str, Callable[[Game], str]] = {"nld-aa": _name, "nld-nao": _player}
"""Source -> what the split goes by. Games that were recorded here are split by their order."""


def share(name: str) -> float:
    """The place of a name in [0, 1): even, and equal on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48


@dataclass(frozen=True)
class Corpus:
    """source: recorded, nld-aa or nld-nao. dataset: its name in the index. version: of its ttyrecs.

    index: NLE's index. root: the folder that the files of games are relative to; None: the index knows.
    skipped: file -> why it is not among the games.
    """

    source: str
    dataset: str
    version: int
    games: tuple[Game, ...]
    skipped: Mapping[str, str]
    index: Path
    root: Path | None = None

    @classmethod
    def open(cls, path: Path) -> Corpus:
        """The corpus of a folder, which may have been moved, of the index in it, or of a run folder.

        Raises EnvError where the list of its games is missing or damaged.
        """
        folder = next((folder for folder in (path / FOLDER, path) if folder.is_dir()), path.parent)
        file = folder / GAMES
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            if found["format"] != FORMAT:
                raise EnvError(f"{file} has format {found['format']}, expected {FORMAT}; {REMEDY}")
            games = tuple(Game(**{**game, "files": tuple(game["files"])}) for game in found["games"])
            head = found["source"], found["dataset"], found["version"]
            index = Path(found["index"]) if "index" in found else folder / INDEX
            root = folder / TTYRECS if (folder / TTYRECS).is_dir() else None
            return cls(*head, games, found["skipped"], index, root)
        except OSError as error:
            raise EnvError(f"{file}: {error.strerror}; {REMEDY}") from error
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise EnvError(f"{file} is damaged; {REMEDY}") from error

    def write(self, folder: Path) -> None:
        """Write games.json into a folder in one step."""
        temporary = folder / f"{GAMES}.part"
        self.write_games(temporary)
        temporary.replace(folder / GAMES)

    def write_games(self, file: Path) -> None:
        """Write the content of games.json to a file; an index that is not beside it is named in it."""
        found: dict[str, Any] = {"format": FORMAT, "source": self.source, "dataset": self.dataset}
        found |= {"version": self.version, "games": [asdict(game) for game in self.games]}
        found["skipped"] = dict(self.skipped)
        if self.index.parent != file.parent:
            found["index"] = str(self.index.absolute())
        file.write_text(f"{json.dumps(found, sort_keys=True, indent=1)}\n", encoding="utf-8")

    @property
    def frames(self) -> int:
        """All frames of all games."""
        return sum(game.frames for game in self.games)

    @cached_property
    def sha256(self) -> str:
        """Its identity: what is seen and pressed in its games, in their order."""
        return hashlib.sha256("\n".join(game.sha256 for game in self.games).encode()).hexdigest()

    def part(self, part: Part, validation: float) -> tuple[Game, ...]:
        """The games to fit or those held out for validation, ``validation`` being the share of the latter.

        Recorded here: the last games (methods.md 4). Archives: by the hash of the player's or the game's name, so that
        a player is in one part only, whatever else is in the archive. Raises EnvError where a part is empty.
        """
        held_out = self._held_out(validation)
        chosen = tuple(game for game, held in zip(self.games, held_out, strict=True) if held == (part == "held_out"))
        if not chosen:
            remedy = "raise demonstrations.episodes" if self.source not in HASHED else "register more games"
            raise EnvError(
                f"{len(self.games)} games of {self.source} leave none for the part {part} with "
                f"pretraining.validation={validation}: {remedy}"
            )
        return chosen

    def _held_out(self, validation: float) -> Sequence[bool]:
        if self.source in HASHED:
            return [share(HASHED[self.source](game)) < validation for game in self.games]
        first = int(len(self.games) * (1 - validation))
        return [place >= first for place in range(len(self.games))]
