"""What a person is told about files that cannot be used: the file, the cause, the remedy, in one line."""

from __future__ import annotations

import errno
import os
import pickle
import re
from pathlib import Path

import pytest

from benchmark.errors import BadInput
from benchmark.files import Damaged, Unusable, Unwritable, read_json, set_aside, unwritable, write_json, write_whole
from benchmark.transient import is_transient


def trouble(number: int, path: Path) -> Unwritable:
    return unwritable(path, OSError(number, os.strerror(number)))


@pytest.mark.parametrize(
    ("number", "remedy", "passing"),
    [
        (errno.ENOSPC, r"\d+\.?\d* (bytes|kB|MB|GB) free in {}; free some space there, then run again", True),
        (errno.EDQUOT, r"\d+\.?\d* (bytes|kB|MB|GB) free in {}; free some space there, then run again", True),
        (errno.EACCES, "make {} writable for this user, then run again", False),
        (errno.EROFS, "{} is on a file system that is mounted read-only; mount it writable, then run again", False),
        (errno.ENOTDIR, "look at {}, then run again", False),
    ],
)
def test_the_cause_has_its_remedy(tmp_path: Path, number: int, remedy: str, passing: bool) -> None:
    path, remedy = tmp_path / "not" / "made" / "yet.json", remedy.format(re.escape(str(tmp_path)))
    error = trouble(number, path)
    with pytest.raises(BadInput, match=f"^cannot write {re.escape(str(path))}: {os.strerror(number)}; {remedy}$"):
        raise error
    assert error.errno == number
    assert is_transient(error) == passing
    assert str(pickle.loads(pickle.dumps(error))) == str(error), "as submitit carries it"


def test_what_went_wrong_before_the_disk_is_not_blamed_on_it(tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        raise RuntimeError("a mistake in the code")

    with pytest.raises(RuntimeError, match="a mistake in the code"):
        write_whole(tmp_path / "weights.pt", fails)
    assert list(tmp_path.iterdir()) == []


def test_the_place_of_a_folder_may_be_taken(tmp_path: Path) -> None:
    (tmp_path / "claims").touch()
    said = f"cannot write {tmp_path}/claims/1.json: File exists; look at {tmp_path}"
    with pytest.raises(Unwritable, match=re.escape(said)):
        write_json(tmp_path / "claims" / "1.json", {})


def test_what_cannot_be_read_says_so_and_where(tmp_path: Path) -> None:
    said = f"cannot read {tmp_path}: Is a directory; make it readable, then run again"
    with pytest.raises(Unusable, match=f"^{re.escape(said)}$"):
        read_json(tmp_path)


def test_damaged_files_are_kept_under_numbers(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    for number in (1, 2):
        path.write_text("{")
        with pytest.raises(Damaged, match=re.escape(f"{path} is damaged: it is no JSON")):
            read_json(path)
        assert set_aside(path).name == f"result.json.damaged-{number}"
    assert read_json(path) is None
