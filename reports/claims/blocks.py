"""The claims as blocks of pages: a strip of statuses, and every comparison behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reports.claims.results import ClaimResult, ClaimsReport, Comparison, Registration
from reports.frame import GridData
from reports.tables import Cell, Column, Table
from reports.text import interval, listed, number, plural, signed


def strip(report: ClaimsReport) -> Table:
    """One row per claim: its status, what it says, and why the status is what it is."""
    rows = tuple(
        (
            Cell(one.status, _tags(report, one), "weak" if one.status == "INCOMPLETE" else ""),
            Cell(
                one.text,
                f"`{one.id}`: {one.why}.",
                runs=tuple(dict.fromkeys(key for c in one.comparisons for key in c.runs)),
            ),
        )
        for one in report.claims
    )
    return Table(
        id="claims",
        caption=f"Claims ({report.name})",
        columns=(Column("Status", numeric=False), Column("Claim", "why its status is what it is", numeric=False)),
        rows=rows,
        notes=tuple(filter(None, (report.scope, registration_words(report)))),
        headers=2,
    )


def _tags(report: ClaimsReport, one: ClaimResult) -> str:
    decided = one.status in ("SUPPORTED", "REFUTED")
    words = ["exploratory"] if one.exploratory else []
    words += [f"at the {level}" for level in one.levels]
    words += ["at these settings"] if report.scope and decided else []
    return ", ".join(words)


def registration_words(report: ClaimsReport) -> str:
    """Whether the claims were there before the results, and what was changed since."""
    if report.trial:
        return "Tried on finished results: exploratory."
    first, digest = report.registered, f"SHA-256 `{report.sha256[:12]}`"
    if first is None:
        return f"When the claims were written down is not recorded ({digest})."
    words = [f"The claims were registered {_at(first)}, {first.when}"]
    words += [f"changed {_at(e)}, {e.when}: {listed(list(e.changes))}" for e in report.edits]
    others = {one.name: one for one in reversed(report.before) if one.name}
    had = [f"`{name}`, registered {_at(one)}, {one.when}" for name, one in reversed(others.items())]
    before = f" Before that the grid had {'; '.join(had)}." if had else ""
    return f"{'; '.join(words)}.{before} {digest}."


def _at(one: Registration) -> str:
    return one.at.replace("T", " ")[:16]


def claims_table(data: GridData, report: ClaimsReport) -> Table:
    """One row per comparison with a result; those of a claim that lack one for the same reason share a row."""
    rows = [row for claim in report.claims for row in _claim_rows(data, claim)]
    rows += [_row(data, Cell("none", "exploratory", "weak"), one) for one in report.exploratory]
    alphas = ", ".join(f"{g.family}: {number(g.alpha, 2)} over {plural(g.size, 'comparison')}" for g in report.gates)
    gates = "; ".join(
        f"{gate.family}: {'passed' if gate.passed else 'not passed'}, p {number(gate.p, 4)}"
        + (f", at worst {number(gate.p_worst, 4)}" if gate.p_worst != gate.p and gate.p_worst == gate.p_worst else "")
        for gate in report.gates
        if gate.p == gate.p
    )
    return Table(
        id="claim_comparisons",
        caption=f"The comparisons behind the claims of {report.name}",
        columns=(
            Column("Claim", numeric=False),
            Column("Environment", numeric=False),
            Column("Method", numeric=False),
            Column("Against", numeric=False),
            Column("Runs", "of planned"),
            Column("Advantage", "family-wise interval"),
            Column("Holm p", "Welch p"),
            Column("Permutation p"),
            Column("Missing runs", "advantage at worst, at best"),
            Column("Verdict", numeric=False),
        ),
        rows=tuple(rows),
        notes=(
            "Advantage: the difference of the means in the claim's direction, with Welch's interval at the level "
            f"1 − α/m of a family of m comparisons, whether the grid has them or not (α: {alphas}). holds: p after "
            "Holm's correction is below α; fails: the interval excludes an advantage of the margin. Claim none: on "
            "an environment that no claim names; nothing is corrected there, and it decides nothing. The intervals "
            "hold together (Bonferroni), which is a little stricter than Holm's p.",
            *([f"Gates, one stratified permutation test per family: {gates}."] if gates else []),
        ),
        headers=4,
    )


def _claim_rows(data: GridData, claim: ClaimResult) -> Iterator[tuple[Cell, ...]]:
    heading = Cell(claim.id, f"{claim.status}, exploratory" if claim.exploratory else claim.status)
    absent: dict[str, list[Comparison]] = {}
    for one in claim.comparisons:
        if one.runs and 0 not in one.difference.n:
            yield _row(data, heading, one)
        else:
            absent.setdefault(one.why, []).append(one)
    for why, of_reason in absent.items():
        places = _each(data.environment_label(one.environment) for one in of_reason)
        against = _each(data.method_label(one.against) for one in of_reason)
        dash = Cell("–", mark="weak")
        yield (
            heading,
            Cell(places),
            Cell(data.method_label(of_reason[0].method)),
            Cell(against),
            *[dash] * 5,
            Cell("incomplete", why, "weak"),
        )


def _each(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def _row(data: GridData, heading: Cell, one: Comparison) -> tuple[Cell, ...]:
    difference, n = one.difference, [f"{p - m}/{p}" for p, m in zip(one.planned, one.missing, strict=True)]
    reached = difference.difference == difference.difference
    return (
        heading,
        Cell(data.environment_label(one.environment)),
        data.method_entry(one.method, one.environment),
        data.method_entry(one.against, one.environment),
        Cell(", ".join(n)),
        Cell(
            signed(difference.difference, one.digits),
            interval(one.interval, one.digits, sign=True) if reached else "",
            runs=one.runs,
        ),
        Cell(number(one.adjusted_p, 4), number(difference.p, 4) if reached else ""),
        Cell(number(one.p_permutation, 4)),
        Cell(interval(one.bounds, one.digits, sign=True), mark="" if one.bounds else "weak"),
        Cell(one.verdict, _beyond(one), "" if one.verdict in ("holds", "fails") else "weak"),
    )


def _beyond(one: Comparison) -> str:
    """Why the verdict is what it is, where the row's numbers do not say it."""
    return one.why if any(one.missing) or one.interval is None else one.remark
