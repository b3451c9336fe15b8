"""The checks of `doctor`: each has a line, and what does not work has a remedy."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest

from benchmark.cli import doctor
from benchmark.cli.doctor import Finding, examine, is_broken, text
from benchmark.store import RunStore


def found(root: Path, uri: str = "") -> dict[str, Finding]:
    store = RunStore(root)
    return {one.name: one for one in examine(store, uri or f"sqlite:///{store.mlflow_database()}")}


def test_the_machine_of_the_tests_has_all_that_is_needed(tmp_path: Path) -> None:
    findings = found(tmp_path / "runs")
    assert not [one for one in findings.values() if is_broken(one)]
    assert text(list(findings.values())).splitlines()[-1] == "everything that is needed works"
    assert findings["runs"].words.endswith("can be written, to be made")
    assert findings["MLflow"].words.endswith("mlflow.db will be made by the first run")
    assert list(tmp_path.iterdir()) == [], "looking leaves nothing behind"


def test_whatever_is_not_well_has_a_remedy(tmp_path: Path) -> None:
    for one in found(tmp_path).values():
        assert one.level == "ok" or one.remedy, one


def test_a_file_where_the_runs_should_be_is_broken(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    runs = found(tmp_path / "runs")["runs"]
    assert is_broken(runs)
    assert "broken: runs" in text([runs])


def test_a_read_only_root_is_a_line_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *words: object, **more: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    for name in ("write_bytes", "unlink"):  # such a file system refuses to delete even what is not there
        monkeypatch.setattr(Path, name, refuse)
    runs = found(tmp_path)["runs"]
    assert is_broken(runs)
    assert runs.words == f"{tmp_path} cannot be written: Read-only file system"
    assert runs.remedy == "choose another --root, or make it writable"


@pytest.mark.parametrize(("free", "level"), [(1e8, "missing"), (1e9, "warning"), (1e11, "ok")])
def test_disk_space_is_enough_little_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, level: str
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1e12, 0, free))
    assert found(tmp_path)["disk"].level == level


def test_other_and_absent_packages_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = doctor.installed
    monkeypatch.setattr(doctor, "installed", lambda name: "0.1" if name == "rich" else installed(name))
    packages = found(tmp_path)["packages"]
    assert (packages.level, packages.words) == ("warning", "1 other than tested: rich 0.1 (expected 15.0.0)")
    monkeypatch.setattr(doctor, "installed", lambda name: None if name == "rich" else installed(name))
    packages = found(tmp_path)["packages"]
    assert is_broken(packages)
    assert packages.words == "rich not installed"


def test_packages_that_only_some_stages_need_are_compared_with_the_tested_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "installed", lambda name: None if name == "nle" else "0.9")
    monkeypatch.setattr(doctor, "tested", lambda name: "2.1.1")
    findings = found(tmp_path)
    assert (findings["NLE"].level, findings["NLE"].needed) == ("missing", False)
    assert findings["NLE"].remedy.startswith("only for NetHack: pip install ")
    engine = findings["Sample Factory"]
    assert (engine.level, engine.words) == ("warning", "sample-factory 0.9, tested with 2.1.1")
    monkeypatch.setattr(doctor, "installed", lambda name: "2.1.1")
    assert found(tmp_path)["Sample Factory"].words == "sample-factory 2.1.1"


def test_a_damaged_mlflow_store_and_a_server_that_is_away_are_warnings(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    database.write_text("no database at all")
    finding = found(tmp_path)["MLflow"]
    assert finding.level == "warning"
    assert "`run_all.py sync` rebuilds it" in finding.remedy
    database.unlink()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE runs (run_uuid TEXT)")
    assert found(tmp_path)["MLflow"].words.endswith("mlflow.db with 0 runs")
    away = found(tmp_path, "http://127.0.0.1:9")["MLflow"]
    assert (away.level, away.needed) == ("warning", False)
    assert "does not answer" in away.words


def test_a_cluster_that_does_not_answer_is_told_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sbatch", "squeue", "scancel", "sinfo"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'slurm_load_partitions: Unable to contact slurm controller' >&2\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    slurm = found(tmp_path / "runs")["Slurm"]
    assert slurm.level == "warning"
    assert "Unable to contact slurm controller" in slurm.words
