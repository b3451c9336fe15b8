"""What the processes of Sample Factory inherit: one thread, and a short folder for PyTorch's socket."""

from __future__ import annotations

import os

import pytest

from agents.appo.surroundings import LONGEST, ONE_THREAD, TEMPORARY, surroundings
from envs.base import EnvError

LONG = "/" + "x" * LONGEST


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*TEMPORARY, *ONE_THREAD):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ({}, "/tmp"),
        ({"TMPDIR": LONG[:-1]}, LONG[:-1]),
        ({"TMPDIR": LONG}, "/tmp"),
        ({"TMP": "/scratch/job"}, "/scratch/job"),
        ({"TEMPDIR": LONG}, "/tmp"),
        ({"TMPDIR": "/short", "TMP": LONG}, "/short"),
    ],
)
def test_pytorch_gets_the_users_folder_unless_a_sockets_name_would_not_fit(monkeypatch, said, given):
    for name, folder in said.items():
        monkeypatch.setenv(name, folder)
    before = dict(os.environ)
    with surroundings():
        assert os.environ["TMPDIR"] == given
        assert {os.environ[name] for name in ONE_THREAD} == {"1"}
    assert dict(os.environ) == before


def test_without_a_short_folder_the_long_one_is_named(monkeypatch):
    monkeypatch.setenv("TMP", LONG)
    monkeypatch.setattr("agents.appo.surroundings.SHORT", "/no/such/folder")
    with pytest.raises(EnvError, match=f"TMP is {LONG}.*at most {LONGEST} bytes; set TMPDIR to one"), surroundings():
        pass
