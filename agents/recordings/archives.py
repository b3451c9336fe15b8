"""The official archives of the NetHack Learning Dataset (Hambro et al. 2022) as NLE can read them, whatever is damaged.

nle.dataset gives up the whole archive for one line of an xlogfile that it cannot read, and takes what the blacklist
forbids. So it is shown a copy that is made of links, in which such lines and files are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nle import dataset as nld
from nle.dataset.populate_db import XLOGFILE_COLUMNS

from envs.base import EnvError

_DEPTH = 4  # nld-aa-dir/nld-aa/nle_data
_NUMBERS = tuple(name for name, kind in XLOGFILE_COLUMNS if kind is int)


@dataclass
class View:
    """The copy in links. folder: an empty folder. skipped: file, or line of a file -> why it is left out."""

    archive: Path
    folder: Path
    skipped: dict[str, str] = field(default_factory=dict)

    def link(self, path: Path) -> None:
        """Show a file or a whole folder of the archive."""
        (self.folder / path.relative_to(self.archive)).symlink_to(path.absolute())

    def unfold(self, folder: Path, without: Iterable[str]) -> None:
        """Show a folder's files, but for some names."""
        (self.folder / folder.name).mkdir()
        for path in sorted(folder.iterdir()):
            if path.name not in without:
                self.link(path)

    def write_lines(self, path: Path, lines: Sequence[bytes]) -> None:
        """Show a file with other lines than it has."""
        (self.folder / path.relative_to(self.archive)).write_bytes(b"".join(lines))

    def readable(self, path: Path, separator: str, encoding: str) -> list[bytes]:
        """The lines of an xlogfile that NLE can read; the others are skipped by their number."""
        kept = []
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
            wrong = _complaint(line, separator, encoding)
            if wrong:
                self.skipped[f"{path.relative_to(self.archive)}, line {number}"] = wrong
            elif line.strip():
                kept.append(line)
        return kept


def _complaint(line: bytes, separator: str, encoding: str) -> str | None:
    """Why NLE cannot read a line of an xlogfile; None where it can."""
    try:
        words = line.decode(encoding).strip().split(separator)
    except UnicodeDecodeError:
        return "it is no text"
    row = {name: value for name, _, value in (word.partition("=") for word in words)}
    for name in _NUMBERS:
        try:
            int(row.get(name, 0))
        except ValueError:
            return f"its {name} is {row[name]!r}, expected a number"
    return "it says what the hero did, but not how it ended" if "while" in row and "death" not in row else None


def _show_nld_aa(view: View) -> None:
    """Folders of a process each: its games' ttyrecs and one xlogfile, whose lines name them."""
    for log in sorted(view.archive.glob("*/*.xlogfile")):
        lines = view.readable(log, "\t", "ascii")
        names = [line.decode("ascii").rpartition("ttyrecname=")[2].strip() for line in lines]
        there = {path.name: path.name.rpartition(".ttyrec")[2] for path in log.parent.glob(f"{log.stem}.*.ttyrec*.bz2")}
        rows = {name: line for name, line in zip(names, lines, strict=True) if name in there}
        if not rows or len(set(there.values())) > 1:
            why = "its ttyrecs are of several versions" if rows else "none of its lines is of a ttyrec beside it"
            view.skipped[str(log.relative_to(view.archive))] = why
            continue
        place = view.folder / log.parent.name
        place.mkdir(exist_ok=True)
        for name in sorted(rows):
            view.link(log.parent / name)
        view.write_lines(log, [rows[name] for name in sorted(rows)])


def _show_nld_nao(view: View) -> None:
    """A folder for every player of alt.org, and all games in a few xlogfiles beside them."""
    for log in sorted(view.archive.glob("xlogfile.*")):
        view.write_lines(log, view.readable(log, ":" if log.suffix == ".txt" else "\t", "latin-1"))
    view.write_lines(view.archive / "blacklist.txt", [])
    listed = view.archive / "blacklist.txt"
    forbidden: dict[str, set[str]] = {}
    for line in listed.read_text(encoding="latin-1").split("\n") if listed.is_file() else ():
        player, _, name = line.strip().rpartition("/")
        if (view.archive / player / name).is_file() and player:
            forbidden.setdefault(player, set()).add(name)
            view.skipped[f"{player}/{name}"] = "the blacklist has it"
    for folder in sorted(path for path in view.archive.iterdir() if path.is_dir()):
        if folder.name in forbidden:
            view.unfold(folder, forbidden[folder.name])
        else:
            view.link(folder)


@dataclass(frozen=True)
class Archive:
    """marks, ttyrecs: patterns of its xlogfiles and ttyrecs. show: what ``View`` shows of it. add: NLE's function.

    expected: its layout. lost: why a ttyrec may belong to no game. Both for people.
    """

    marks: str
    ttyrecs: str
    show: Callable[[View], None]
    add: Callable[[str, str, str], None]
    expected: str
    lost: str

    def root(self, folder: Path) -> Path:
        """The folder that has the layout of the archive: the one that was named, or one in it. Raises EnvError."""
        level = [folder]
        for _ in range(_DEPTH):
            for place in level:
                if next(place.glob(self.marks), None):
                    return place
            level = [path for place in level if place.is_dir() for path in sorted(place.iterdir()) if path.is_dir()]
        if not folder.is_dir():
            raise EnvError(f"{folder} is no folder; expected {self.expected}")
        unpack = "unzip its files first: " if next(folder.glob("*.zip"), None) else ""
        raise EnvError(f"{folder} holds nothing to register; {unpack}expected {self.expected}")

    def files(self, root: Path) -> Iterator[str]:
        """All ttyrecs, relative to the archive's root."""
        return (str(path.relative_to(root)) for path in root.glob(self.ttyrecs))


ARCHIVES: Mapping[str, Archive] = {
    "nld-aa": Archive(
        "*/*.xlogfile",
        "*/*.ttyrec*.bz2",
        _show_nld_aa,
        nld.add_nledata_directory,
        "folders that hold nle.*.ttyrec3.bz2 and an xlogfile each (of nld-aa-*.zip: nle_data)",
        "its xlogfile has no line for it",
    ),
    "nld-nao": Archive(
        "xlogfile.*",
        "*/*.ttyrec.bz2",
        _show_nld_nao,
        nld.add_altorg_directory,
        "xlogfile.*, blacklist.txt and a folder of *.ttyrec.bz2 for every player (of nld-nao-*.zip and its xlogfiles)",
        "its player has no such game in the xlogfiles, or one that NLE leaves out: quit within 10 turns",
    ),
}
