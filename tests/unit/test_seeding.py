"""Streams are named: the same name gives the same seed for ever, and any other name an unrelated one."""

from __future__ import annotations

import pytest

from benchmark.seeding import stream


def test_streams_are_stable_over_releases() -> None:
    assert stream("rtfm-s1", 0, "weights") == 8298535793514608505


def test_environment_seed_and_purpose_all_count() -> None:
    names = [(env, seed, purpose) for env in ("rtfm-s1", "rtfm-s2") for seed in (0, 1, 10) for purpose in ("a", "b")]
    seeds = {stream(*name) for name in names}
    assert len(seeds) == len(names)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_parts_cannot_run_into_each_other() -> None:
    assert stream("rtfm", 11, "x") != stream("rtfm1", 1, "x")
    with pytest.raises(ValueError, match="NUL"):
        stream("rtfm\x00", 0, "x")
