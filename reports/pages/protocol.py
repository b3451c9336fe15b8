"""How the numbers came about: seeds, settings, what each method switches, what the preset reduces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.decimals import decimals
from reports.claims import Registration, registrations
from reports.coefficients import METHOD, Choice, choices, unequal_warning
from reports.evidence import policy_modes
from reports.frame import GridData
from reports.page import Block, Facts, Page, Text
from reports.tables import Cell, Column, Mark, Table
from reports.text import listed, number, plain_value, plural

SWITCHES = ("pretrain", "demos", "checkpoint", "language", "head", "initialise", "distill", "shaping")
"""The keys of a method's configuration that the table shows, in order; others follow."""

NOT_SWITCHES = ("label", "provenance", "unavailable", "unavailable_on", "id", "name")


def idle(config: Mapping[str, Any]) -> set[str]:
    """Switches that mean nothing to a method, given its others."""
    pretrain, demos = config.get("pretrain"), config.get("demos")
    found = {"demos", "language"} if pretrain == "none" else set()
    return (
        found | ({"head"} if pretrain != "dynamics" else set()) | ({"checkpoint"} if demos != "checkpoint" else set())
    )


def page(data: GridData) -> Page:
    """Protocol."""
    blocks: list[Block] = [Facts(settings(data)), *registration_table(data), method_table(data), *split_table(data)]
    chosen = tuned_table(data)
    if chosen is not None:
        blocks += [chosen, *unequal_warning(data)]
    changes = data.plan.settings.get("changes")
    if changes:
        blocks.append(change_table(data, changes))
    elif data.plan.settings.get("preset"):
        blocks.append(Text(f"The preset `{data.plan.settings['preset']}` reduces the default settings.", "warning"))
    return Page("protocol", "Protocol", tuple(blocks))


def settings(data: GridData) -> tuple[tuple[str, str], ...]:
    """The grid's own settings; of an imported table, what it says."""
    if not data.knows_settings:
        return (
            ("Grid", data.plan.grid),
            ("Settings", "unknown: the imported file does not say them"),
            ("Seeds", ", ".join(str(seed) for seed in sorted(set(data.cells["seed"])))),
            ("Headline", _headlines(data)),
        )
    given = data.plan.settings
    teacher_seeds = given.get("teacher_seeds")
    episodes = sorted({int(n) for n in data.cells.get("episodes", []) if n == n})
    return (
        ("Grid", data.plan.grid),
        ("Preset", str(given.get("preset") or "none")),
        (
            "Overrides",
            ", ".join(f"`{key}={plain_value(v)}`" for key, v in (given.get("overrides") or {}).items()) or "none",
        ),
        ("Seeds", ", ".join(str(seed) for seed in sorted(set(data.cells["seed"])))),
        (
            "Teacher seeds",
            "every seed has its own demonstrations and teacher"
            if teacher_seeds is None
            else f"demonstrations and teachers of {plural(teacher_seeds, 'seed')} serve all seeds",
        ),
        (
            "Evaluation",
            f"{' or '.join(map(str, episodes)) or 'unknown number of'} {data.games_label} per seed"
            + "".join(f", `{name}`" for name in data.evaluated_on.values())
            + ("" if data.plan.origin else ", a fixed list; a seed's list is the same for all methods"),
        ),
        ("Policy in the evaluation", ", ".join(policy_modes(data)) or "unknown"),
        ("Searched settings", _searched(data)),
        ("Claims", _claims(data)),
        ("Headline", f"{_headlines(data)} of stage `{data.plan.result}`"),
    )


def _headlines(data: GridData) -> str:
    """`win_rate`; where there are several, each with its environments."""
    names = data.headlines()
    if len(names) == 1:
        return f"`{names[0]}`"
    places: dict[str, list[str]] = {}
    for environment in data.environments:
        places.setdefault(data.headline(environment), []).append(data.environment_label(environment))
    return ", ".join(f"`{name}` ({listed(labels)})" for name, labels in places.items())


def _searched(data: GridData) -> str:
    if data.search:
        return "this grid searches, see Tuning"
    if not data.tuned:
        return "none"
    return f"`{data.tuned.get('name')}`, SHA-256 `{str(data.tuned.get('sha256'))[:12]}`"


def _claims(data: GridData) -> str:
    given = data.plan.settings.get("claims")
    if not given:
        return "none registered: all comparisons are exploratory"
    return f"`configs/claims/{given['name']}.yaml`, SHA-256 `{str(given['sha256'])[:12]}`, see the registrations"


def registration_table(data: GridData) -> list[Table]:
    """Every text of the claims, every set of seeds and every settings of a plan of this grid, first to last."""
    if not data.registrations:
        return []
    return [
        Table(
            id="registrations",
            caption="When the claims were registered",
            columns=(
                Column("When", "UTC", numeric=False), Column("Claims", numeric=False), Column("SHA-256", numeric=False),
                Column("Seeds", numeric=False), Column("What changed", numeric=False),
                Column("Results there by then"), Column("Results that are older"),
            ),
            rows=tuple(_registration(one) for one in registrations(data)),
            notes=(
                "A claim that was written down or changed, or seeds or settings that were changed, when results of "
                "this grid were there already, is a look at data and no prediction. Older: results that were finished "
                "before it, wherever their folders were then; one that does not say when it was finished counts too.",
            ),
        )
    ]  # fmt: skip


def _registration(one: Registration) -> tuple[Cell, ...]:
    mark: Mark = "" if one.blind else "weak"
    return (
        Cell(one.at[:16].replace("T", " ")),
        Cell(f"`configs/claims/{one.name}.yaml`" if one.name else "none"),
        Cell(f"`{one.sha256[:12]}`" if one.sha256 else "–"),
        Cell(", ".join(map(str, one.seeds))),
        Cell("; ".join(one.changes) or "the first"),
        Cell(str(one.results), "" if one.blind else "not blind", mark),
        Cell(str(one.older), mark=mark),
    )


def split_table(data: GridData) -> list[Table]:
    """The files that say which games, words and splits there are, as the evaluations read them."""
    files: dict[tuple[str, str, str], list[str]] = {}
    for cell in data.plan.cells:
        if data.plan.result in cell.stages:
            key = cell.stages[data.plan.result]
            for name, sha in (data.plan.stages[key].params.get("data_sha256") or {}).items():
                files.setdefault((cell.environment, str(name), str(sha)), []).append(key)
    if not files:
        return []
    rows = [
        (
            Cell(data.environment_label(environment)),
            Cell(f"`{name}`"),
            Cell(f"`{sha[:16]}`", runs=tuple(dict.fromkeys(keys))),
        )
        for (environment, name, sha), keys in files.items()
    ]
    columns = (Column("Environment", numeric=False), Column("File", numeric=False), Column("SHA-256", numeric=False))
    return [Table("splits", "Files behind games and splits", columns, tuple(rows), headers=2)]


def method_table(data: GridData) -> Table:
    """What each method switches on, and where its code comes from."""
    configs = {m: data.plan.methods.get(m, {}) for m in data.methods}
    found = dict.fromkeys(k for c in configs.values() for k, v in c.items() if not isinstance(v, dict | list))
    switches = [s for s in SWITCHES if s in found] + [k for k in found if k not in (*SWITCHES, *NOT_SWITCHES)]
    changed = {(choice.method, choice.key) for choice in choices(data) if choice.changed}
    rows = []
    for method, config in configs.items():
        unused = idle(config)
        values = [
            Cell(plain_value(config[s]), "tuned, see below" if (method, METHOD + s) in changed else "")
            if s in config and s not in unused
            else Cell("–", mark="weak")
            for s in switches
        ]
        absent = Cell(str(config["unavailable"])) if config.get("unavailable") else Cell("yes")
        rows.append((data.method_entry(method), *values, absent))
    return Table(
        id="methods",
        caption="Methods",
        columns=tuple(Column(c, numeric=False) for c in ("Method", *switches, "Can be run")),
        rows=tuple(rows),
        notes=(
            "Under each name: where the method comes from. released: the authors published its code, which ours "
            "follows; reimplemented: the published code is partial or does not work, ours does what it intends; "
            "unavailable in release: the paper names it, no code is published, the construction is ours; ours: not "
            "the paper's, or not on this environment. tuned: the value is the default, which a search changed on some "
            "environment.",
        ),
    )


def change_table(data: GridData, changes: Mapping[str, Mapping[str, Sequence[Any]]]) -> Table:
    """The settings that preset and overrides set otherwise than the defaults: environment -> key -> (default, here)."""
    rows = [
        (
            Cell(data.environment_label(environment)),
            Cell(f"`{key}`"),
            Cell(plain_value(default)),
            Cell(plain_value(here)),
        )
        for environment, of_environment in changes.items()
        for key, (default, here) in of_environment.items()
    ]
    return Table(
        id="changes",
        caption="Settings that differ from the defaults",
        columns=tuple(Column(c, numeric=False) for c in ("Environment", "Setting", "Default", "Here")),
        rows=tuple(rows),
        notes=(
            "The defaults are the paper's or its release's where these say something; `configs/config.yaml` says where "
            "they are ours. Results at other settings say nothing about the paper's numbers.",
        ),
        headers=2,
    )


def tuned_table(data: GridData) -> Table | None:
    """The searched settings that the grid uses, per environment and method; None where the plan does not list them."""
    found = choices(data)
    if not found:
        return None
    file = f"`configs/tuned/{data.tuned.get('name')}.yaml`"
    listed = any(choice.candidates for choice in found)
    rows = tuple(
        (
            Cell(data.environment_label(choice.environment)),
            data.method_entry(choice.method, choice.environment),
            Cell(f"`{choice.key}`"),
            Cell(plain_value(choice.value), "changed" if choice.changed else ""),
            Cell("–", mark="weak") if choice.default is None else Cell(plain_value(choice.default)),
            *([_candidates(choice)] if listed else []),
        )
        for choice in found
    )
    columns = ("Environment", "Method", "Setting", "Used", "Default", *(["Candidates: their score"] if listed else []))
    elsewhere = "the games and the seeds" if listed else "every candidate with its score, the games and the seeds"
    note = (
        f"From {file}, which also lists {elsewhere}; SHA-256 `{str(data.tuned.get('sha256'))[:12]}`. The scores are on "
        "the search's games, which no result is measured on. Methods that are not listed kept their defaults."
    )
    if not listed and any(choice.default is None for choice in found):
        note += f" –: the default is the first candidate in {file}."
    headings = tuple(Column(c, numeric=False) for c in columns)
    return Table("tuned", "Settings chosen by a search", headings, rows, (note,), headers=2)


def _candidates(choice: Choice) -> Cell:
    digits = decimals(score for _, score in choice.candidates if score is not None)
    words = [f"{plain_value(v)}: {'–' if score is None else number(score, digits)}" for v, score in choice.candidates]
    return Cell("; ".join(words) or "–", mark="" if words else "weak")
