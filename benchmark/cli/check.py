"""The verb `check`: the status of a grid's claims, held against the statuses that were recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmark.cli.asked import Asked, note
from benchmark.cli.show import folded
from benchmark.errors import BadInput

RANKS = ("INCOMPLETE", "REFUTED", "INCONCLUSIVE", "SUPPORTED")
"""From least to most: whatever a complete grid says is more than nothing."""

REGRESSED = 3
"""The exit code where a claim is less than it was."""

Record = Mapping[str, Mapping[str, Any]]


def check(asked: Asked) -> int:
    """Print every claim with its status and why, and bring the record up to date. Returns 0, or 3 for a regress."""
    store, grid = asked.store, asked.request.name
    found = asked.reports.claims(store.root, grid)
    registered = asked.request.settings["claims"]
    if found is None:
        remedy = "`report` with the same arguments takes them over" if registered else "name a file of configs/claims/"
        raise BadInput(f"grid {grid!r} was planned without claims; {remedy}")
    if registered is None or registered["sha256"] != found["sha256"]:
        note(
            f"these are the claims as {grid} was planned with; configs/claims/ says otherwise since. "
            "`report` with the same arguments takes it over, and notes the change"
        )
    record = store.claim_record(grid)
    lost = regressed(record, found["claims"])
    updated = _updated(record, found, replace=asked.options.record)
    if updated != record:
        store.require_writable()
        store.write_claim_record(grid, updated)
    asked.show(
        lambda: {**found, "grid": grid, "recorded": record, "regressed": list(lost)},
        lambda: folded(_text(grid, found, lost, accepted=asked.options.record)),
    )
    return REGRESSED if lost and not asked.options.record else 0


def regressed(record: Record, claims: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Claim -> what has become less, for those that are less than recorded or are there no more."""
    now = {claim["id"]: claim["status"] for claim in claims}
    lost = {}
    for name, was in record.items():
        since = f"was {was['status']} ({was['at'][:10]})"
        if name not in now:
            lost[name] = f"{since}, and is no claim of the grid any more"
        elif RANKS.index(now[name]) < RANKS.index(was["status"]):
            lost[name] = f"{since}, is {now[name]}"
    return lost


def _updated(record: Record, found: Mapping[str, Any], replace: bool) -> dict[str, dict[str, Any]]:
    """The record with what is new or more than it says; replace: with all as it is now."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    updated = {} if replace else {name: dict(entry) for name, entry in record.items()}
    for claim in found["claims"]:
        was = record.get(claim["id"])
        if was is not None and was["status"] == claim["status"]:
            updated[claim["id"]] = dict(was)
        elif was is None or replace or RANKS.index(claim["status"]) > RANKS.index(was["status"]):
            updated[claim["id"]] = {"status": claim["status"], "sha256": found["sha256"], "at": at}
    return updated


def _text(grid: str, found: Mapping[str, Any], lost: Mapping[str, str], accepted: bool) -> str:
    lines = [f"grid {grid}, claims of {found['name']}", found["registration"]]
    lines += [found["scope"]] if found["scope"] else []
    for claim in found["claims"]:
        tag = " (exploratory)" if claim["exploratory"] else ""
        lines += ["", f"{claim['status']:12}  {claim['id']}{tag}: {claim['text']}", f"{'':14}{claim['why']}"]
    if lost:
        lines += ["", *(f"regressed: {name} {words}" for name, words in lost.items())]
        lines.append("recorded as it is now" if accepted else "`check --record` accepts this as it is")
    return "\n".join(lines)
