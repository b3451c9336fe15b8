"""What the finished runs themselves show of determinism: do seeds reach the weights, which devices computed them?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from reports.extra import policy_key
from reports.frame import GridData
from reports.text import plural

WEIGHTS = "weights_sha"
"""The metric of a policy that names its last weights."""


@dataclass(frozen=True)
class Audit:
    """Counts over finished stages. loose: those that need not repeat bit for bit; unsaid: imported ones of which nobody
    says it. resumed: those that went on from a
    checkpoint. devices: device class -> stages. pairs: pairs of seeds of one method and environment whose policies
    name their weights; same: those pairs in which two seeds have the same weights, as `environment/method: 0 and 1`.
    """

    done: int
    loose: int
    unsaid: int
    resumed: int
    devices: Counter[str]
    pairs: int
    same: tuple[str, ...]


def audit(data: GridData) -> Audit:
    """The audit of a grid. Two seeds with equal weights mean that the seed never reached the run."""
    done = data.stages[data.stages["state"] == "done"]
    weights: dict[tuple[str, str], dict[int, str]] = {}
    for cell in data.plan.cells:
        key = policy_key(data.plan, cell)
        sha = data.metrics(key).get(WEIGHTS) if key else None
        if sha is not None:
            weights.setdefault((cell.environment, cell.method), {})[cell.seed] = str(sha)
    pairs, same = 0, []
    for (environment, method), found in weights.items():
        seeds = sorted(found)
        for place, first in enumerate(seeds):
            for second in seeds[place + 1 :]:
                pairs += 1
                if found[first] == found[second]:
                    same.append(f"{environment}/{method}: {first} and {second}")
    return Audit(
        done=len(done),
        loose=int((~done["deterministic"].dropna().astype(bool)).sum()),
        unsaid=int(done["deterministic"].isna().sum()),
        resumed=int((done["resumed"] > 0).sum()),
        devices=Counter(str(device) for device in done["device"].dropna()),
        pairs=pairs,
        same=tuple(same),
    )


def words(found: Audit) -> tuple[tuple[str, str], ...]:
    """Terms and values for a list of facts."""
    repeats = "every finished run is declared to repeat bit for bit on its device class"
    if found.loose:
        repeats = f"{plural(found.loose, 'run')} of {found.done} need not repeat bit for bit"
    if found.unsaid:
        repeats = f"unknown of {plural(found.unsaid, 'imported run')}" + (f"; {repeats}" if found.loose else "")
    if not found.pairs:
        seeds = "unknown: no two seeds of a method have finished with named weights"
    elif found.same:
        seeds = f"{len(found.same)} of {plural(found.pairs, 'pair')} of seeds have the same weights: "
        seeds += "; ".join(found.same[:5]) + ("; …" if len(found.same) > 5 else "")
    else:
        seeds = f"yes: all {plural(found.pairs, 'pair')} of seeds of one method and environment differ in their weights"
    devices = ", ".join(f"{name} ({plural(n, 'run')})" for name, n in found.devices.most_common()) or "none yet"
    mixed = "; bit equality is promised within one device class only" if len(found.devices) > 1 else ""
    return (
        ("Determinism", repeats if found.done else "no run is finished"),
        ("Seeds reach the runs", seeds),
        ("Device classes", devices + mixed),
        ("Interrupted", f"{plural(found.resumed, 'run')} continued from a checkpoint"),
    )
