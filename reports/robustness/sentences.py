"""How much of what the main analysis decides depends on a choice or on a seed, in a sentence each.

Only what is decided can hold: a verdict that is open under every analysis is no finding, however steady it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from reports.robustness.leave_out import LeftOut
from reports.robustness.matrix import Matrix
from reports.robustness.verdicts import DECIDED
from reports.text import listed, plural


def agreement(matrix: Matrix) -> str:
    """How many decided claims and comparisons every analysis decides the same way, and what is left open."""
    same, left, elsewhere = [], [], 0
    for kind in ("claim", "comparison"):
        rows = [row for row in matrix.rows if row.key.kind == kind]
        decided = [row for row in rows if row.decided[0]]
        steady = [str(row.words[0]) for row in decided if row.holds]
        counts = ", ".join(f"{steady.count(word)} {word}" for word in dict.fromkeys(steady))
        if decided:
            same.append(
                f"{len(steady)} of {plural(len(decided), f'decided {kind}')}" + (f" ({counts})" if counts else "")
            )
        if len(decided) < len(rows):
            left.append(plural(len(rows) - len(decided), kind))
            elsewhere += sum(any(row.decided) for row in rows if not row.decided[0])
    found = [f"The verdict is the same under all {len(matrix.analyses)} analyses for {listed(same)}."] if same else []
    if left:
        others = f"another decides {elsewhere} of them" if elsewhere else "so does every other"
        found.append(f"The main analysis leaves {listed(left)} open, and {others}.")
    return " ".join(found)


def seeds_left_out(found: Sequence[LeftOut]) -> str:
    """How many decided verdicts rest on no single seed, and how many open ones would be decided without one."""
    decided = [one for one in found if one.decided]
    steady = sum(not one.changes for one in decided)
    gained = sum(bool(DECIDED & set(one.without.values())) for one in found if not one.decided)
    words = "with all seeds nothing is decided"
    if decided:
        are = "is" if len(decided) == 1 else "are"
        words = f"{steady} of {plural(len(decided), 'decided verdict')} {are} the same without any one seed"
    if gained:
        words += f"; of {len(found) - len(decided)} that are open, {gained} would be decided without some seed"
    return f"Leave one seed out: {words}. A seed is left out of all methods at once, as if it had never been planned."
