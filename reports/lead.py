"""The report in one sentence, and how much of the grid there is."""

from __future__ import annotations

from collections import Counter

from reports.claims import ClaimsReport, Comparison
from reports.contrasts import Contrast, contrasts, reference, subject
from reports.frame import GridData
from reports.rows import STATUSES
from reports.text import listed, noun, plural

ORDER = ("SUPPORTED", "REFUTED", "INCONCLUSIVE", "INCOMPLETE")


def lead(data: GridData, claims: ClaimsReport | None) -> str:
    """What the registered tests say; without any, LDD against the reference, marked as exploratory."""
    if (data.cells["status"] == "unavailable").all():
        return "No cell of this grid can be run with this version."
    if not (data.cells["status"] == "done").any():
        return "No run is finished yet, so there is nothing to say."
    tested = _tested(claims) if claims is not None else []
    if claims is None or not tested:
        return exploratory(data)
    counts = [(word, sum(one.status == word for one in claims.claims)) for word in ORDER]
    (first, n), *others = [(word, count) for word, count in counts if count]
    told = [f"{n} of {plural(len(claims.claims), 'claim')} {noun(n, 'is', 'are')} {first}"]
    told += [f"{count} {word}" for word, count in others]
    verdicts = Counter(one.verdict for one in tested)
    words = [plural(verdicts["holds"], "holds", "hold"), plural(verdicts["fails"], "fails", "fail")]
    words += [
        plural(verdicts[word], f"is {word}", f"are {word}") for word in ("undecided", "incomplete") if verdicts[word]
    ]
    start = "At these settings " if claims.scope else ""
    number = "the one comparison" if len(tested) == 1 else f"the {len(tested)} comparisons"
    behind = "behind it" if len(claims.claims) == 1 else "behind them"
    return f"{start}{listed(told)}: of {number} {behind} that this grid has results for, {listed(words)}."


def _tested(claims: ClaimsReport) -> list[Comparison]:
    """The claims' comparisons with a result on both sides, each once."""
    found = {(c.environment, c.method, c.against): c for claim in claims.claims for c in claim.comparisons}
    return [one for one in found.values() if min(one.difference.n) > 0]


def exploratory(data: GridData) -> str:
    """LDD, or the grid's last method, against the reference on every environment, counted from the intervals."""
    own, base = subject(data), reference(data)
    about = [contrast for contrast in contrasts(data) if contrast.method == own]
    name, base_name = data.method_label(own), data.method_label(base)
    if own == base or not about:
        return f"The grid does not compare {name} with another method."
    groups: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    below: list[str] = []
    for contrast in about:
        (below if _is_worse(contrast) else groups[contrast.welch.excludes_zero]).append(contrast.environment)
    above, names = groups[True], data.environment_label
    says = (
        (f"has a higher {data.headline_label(*above)} than {base_name} on", above),
        (f"has a lower {data.headline_label(*below)} than {base_name} on", below),
        (f"cannot be told from {base_name} on", groups[False]),
    )
    told = [f"{words} {listed(list(map(names, places)))}" for words, places in says if places]
    measure = f"the 95% Welch interval of the difference on {data.games_label}"
    unknown = listed(list(map(names, groups[None]))) if groups[None] else ""
    if not told:
        return f"Nothing can be said of {name} against {base_name} on {unknown}: {measure} cannot be computed."
    rest = f"; on {unknown} that interval cannot be computed" if unknown else ""
    return f"{name} {listed(told)}, by {measure}{rest} (exploratory: not adjusted, and no registered test)."


def _is_worse(contrast: Contrast) -> bool:
    return contrast.welch.excludes_zero is True and contrast.welch.difference < 0


def coverage(data: GridData) -> str:
    """`16 of 18 cells done, 1 failed, 1 missing`, and how many of the done lack the headline metric."""
    counts = data.cells["status"].value_counts()
    others = [f"{counts[status]} {status}" for status in STATUSES if status != "done" and counts.get(status, 0)]
    mute = without_score(data)
    others += [f"{mute} of the done without {data.headline_label()}"] if mute else []
    return ", ".join([f"{counts.get('done', 0)} of {plural(len(data.cells), 'cell')} done", *others])


def without_score(data: GridData) -> int:
    """How many cells are done but did not report a finite headline metric."""
    return int((data.cells["status"] == "done").sum()) - sum(len(data.done(name)) for name in data.environments)
