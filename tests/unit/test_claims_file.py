"""The files of configs/claims/: what is refused, what of them is in a plan, and when a store notes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
import yaml

from benchmark.claims import read_claims
from benchmark.cli.show_claims import claim_powers, claims_text, undecidable
from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.spec import Cell, Plan
from benchmark.store import RunStore
from tests.toy import PROJECT, Toy

FILE = """\
about: A toy.
metrics: {score: {low: 0, high: 1, margin: 0.05}}
environments: {north: score, far-south: score, west: score}
families: {main: 0.05}
seeds: 10
claims:
  taught-helps:
    text: Who is taught scores higher.
    source: The toy's own.
    family: main
    exploratory: false
    direction: greater
    method: taught
    against: [plain, taught_less]
    environments: [north, far-south]
"""
METHODS = ("taught", "plain", "taught_less")


@pytest.fixture
def claimed(toy: Toy) -> Toy:
    """The toy with a claims file, which its grids may name."""
    toy.write("claims/small", FILE)
    return toy


def test_a_file_is_read_whole_with_its_digest(claimed: Toy) -> None:
    found = read_claims(Configs(claimed.configs), "small")
    assert found["sha256"] == hashlib.sha256(FILE.encode()).hexdigest()
    assert found["content"] == yaml.safe_load(FILE)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "margin: 0.05",
            "margni: 0.05",
            "configs/claims/small.yaml: metrics.score: unknown key 'margni'; did you mean",
        ),
        (
            "margin: 0.05",
            "margin: 0",
            "metrics.score.margin is 0, expected the smallest advantage that counts, above 0",
        ),
        (
            "margin: 0.05",
            "margin: 5",
            "metrics.score.margin is 5, expected a margin in the metric's unit, below its range of 1, such as 0.05",
        ),
        ("margin: 0.05", "margin: null", "metrics.score.margin is None, expected a number"),
        ("high: 1,", "high: .nan,", "metrics.score.high is nan, expected a number or null"),
        ("low: 0,", "low: 2,", "metrics.score: low is 2 and high is 1, expected low below high"),
        ("north: score", "nort: score", "environments: unknown environment 'nort'; did you mean 'north'?"),
        ("north: score", "north: wins", "environments.north: unknown metric 'wins'"),
        ("main: 0.05", "main: 5", "families.main is 5, expected alpha, a number between 0 and 1"),
        ("main: 0.05", "main: 0.05, idle: 0.05", "families.idle is the family of no claim"),
        ("seeds: 10", "seeds: many", "seeds is 'many', expected a whole number from 2"),
        ("about: A toy.", "about: 3", "about is 3, expected a sentence"),
        ("taught-helps:", "Taught Helps:", "claims.Taught Helps: expected a name of small letters, digits and dashes"),
        ("method: taught", "method: tought", "claims.taught-helps: unknown method 'tought'; did you mean 'taught'?"),
        ("[plain,", "[taught,", "claims.taught-helps: taught is compared with itself"),
        ("[plain,", "[plain, plain,", "claims.taught-helps.against contains 'plain' twice"),
        ("[plain, taught_less]", "plain", "claims.taught-helps.against is 'plain', expected a list"),
        ("[north, far-south]", "[east]", "claims.taught-helps.environments: unknown environment 'east'"),
        ("[north, far-south]", "[]", "claims.taught-helps.environments is [], expected a list of at least one"),
        ("direction: greater", "direction: up", "claims.taught-helps: unknown direction 'up'"),
        ("exploratory: false", "exploratory: perhaps", "exploratory is 'perhaps', expected true or false"),
        ("family: main", "family: maine", "claims.taught-helps: unknown family 'maine'; did you mean 'main'?"),
        ("    text: Who is taught scores higher.\n", "", "claims.taught-helps: text is missing"),
        ("claims:\n", "claims: []\nrest:\n", "unknown key 'rest'"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line(toy: Toy, old: str, new: str, says: str) -> None:
    assert old in FILE
    toy.write("claims/small", FILE.replace(old, new))
    with pytest.raises(BadInput) as error:
        read_claims(Configs(toy.configs), "small")
    assert says in str(error.value)
    assert str(error.value).startswith("configs/claims/small.yaml: ")
    assert "\n" not in str(error.value)


def test_one_comparison_belongs_to_one_claim_of_a_family(toy: Toy) -> None:
    again = FILE[FILE.index("  taught-helps:") :].replace("taught-helps", "again")
    toy.write("claims/small", FILE + again)
    with pytest.raises(BadInput, match="claims taught-helps and again both compare taught with plain on north"):
        read_claims(Configs(toy.configs), "small")


def test_a_plan_has_the_claims_and_no_stage_does(claimed: Toy) -> None:
    bare, plan = claimed.plan("toy"), claimed.plan("toy", "claims=small")
    assert bare.settings["claims"] is None
    assert plan.settings["claims"] == read_claims(Configs(claimed.configs), "small")
    assert list(plan.stages) == list(bare.stages)
    with pytest.raises(BadInput, match="unknown claims file 'smal'; did you mean 'small'"):
        claimed.plan("toy", "claims=smal")
    with pytest.raises(BadInput, match="claims=small is to be tested, and this grid searches"):
        claimed.plan("search", "claims=small")


def test_a_plan_has_the_labels_of_all_that_its_claims_name(claimed: Toy) -> None:
    plan = claimed.plan("toy", "claims=small", "envs=[north]", "methods=[plain]")
    assert (set(plan.environments), set(plan.methods)) == ({"north"}, {"plain"})
    labels = plan.settings["labels"]
    assert labels["environments"] == {"north": "North", "far-south": "South", "west": "West"}
    assert labels["methods"] == {"plain": "Plain", "taught": "Taught", "taught_less": "Taught less"}


def test_a_store_notes_the_claims_before_there_are_results_and_every_change(claimed: Toy) -> None:
    store, plan = RunStore(claimed.root), claimed.plan("toy", "claims=small")
    store.write_plan(claimed.plan("toy"))
    assert store.registrations("toy") == []
    store.write_plan(plan)
    store.write_plan(plan)
    (first,) = store.registrations("toy")
    assert (first["name"], first["results"], first["seeds"]) == ("small", 0, [0, 1])
    assert first["sha256"] == plan.settings["claims"]["sha256"]

    result = plan.cells[0].stages["exam"]
    store.publish_result(result, {"key": result})
    claimed.write("claims/small", FILE.replace("margin: 0.05", "margin: 0.01"))
    edited = replace(plan, settings={"claims": read_claims(Configs(claimed.configs), "small")})
    store.write_plan(edited)
    store.write_plan(edited.only(plan.cells[:1]))
    store.write_plan(replace(plan, settings={"claims": None}))
    entries = store.registrations("toy")
    assert [entry["results"] for entry in entries] == [0, 1, 1, 1]
    assert [entry["seeds"] for entry in entries] == [[0, 1], [0, 1], [0], [0, 1]]
    assert entries[1]["content"]["metrics"]["score"]["margin"] == 0.01
    assert (entries[3]["name"], entries[3]["content"]) == (None, None), "the claims were withdrawn"


def test_other_settings_after_a_look_are_noted_with_the_results_of_before(claimed: Toy) -> None:
    """They name other stages, none of which has a result: what has been seen are those of the plan before."""
    store, first = RunStore(claimed.root), claimed.plan("toy", "claims=small")
    store.write_plan(first)
    result = first.cells[0].stages["exam"]
    store.publish_result(result, {"key": result})
    for words in (["learner.lr=0.1"], ["learner.lr=0.1"], ["learner.lr=0.2"], ["learner.lr=0.2", "teacher_seeds=1"]):
        plan = claimed.plan("toy", "claims=small", *words)
        assert result not in plan.stages
        store.write_plan(plan)
    entries = store.registrations("toy")
    assert [entry["results"] for entry in entries] == [0, 1, 1, 1]
    assert [entry["settings"]["overrides"] for entry in entries] == [
        {},
        *({"learner.lr": lr} for lr in (0.1, 0.2, 0.2)),
    ]
    assert [entry["settings"]["teacher_seeds"] for entry in entries] == [None, None, None, 1]
    assert {entry["settings"]["preset"] for entry in entries} == {None}


def test_claims_that_are_named_with_other_settings_after_a_look_know_of_it(claimed: Toy) -> None:
    store, bare = RunStore(claimed.root), claimed.plan("toy")
    store.write_plan(bare)
    store.publish_result(bare.cells[0].stages["exam"], {"key": bare.cells[0].stages["exam"]})
    store.write_plan(claimed.plan("toy", "claims=small", "learner.lr=0.1"))
    assert [entry["results"] for entry in store.registrations("toy")] == [1]


def test_a_damaged_note_is_set_aside_and_the_next_one_is_honest(claimed: Toy) -> None:
    store, plan = RunStore(claimed.root), claimed.plan("toy", "claims=small")
    store.write_plan(plan)
    store.publish_result(plan.cells[0].stages["exam"], {"key": plan.cells[0].stages["exam"]})
    path = store.grid_folder("toy") / "registrations.json"
    path.write_text("half a fi", encoding="utf-8")
    store.write_plan(plan)
    assert [entry["results"] for entry in store.registrations("toy")] == [1]
    assert path.with_name("registrations.json.damaged-1").exists()


def planned(seeds: int, environments: Sequence[str] = ("north", "far-south"), methods: Sequence[str] = METHODS) -> Plan:
    """What a plan says of its claims, without stages."""
    cells = tuple(Cell(e, m, s) for e in environments for m in methods for s in range(seeds))
    claims = {"name": "small", "sha256": "0" * 64, "content": yaml.safe_load(FILE)}
    return Plan("toy", "", cells, {}, "exam", "score", {"claims": claims})


def test_a_plan_says_what_its_seeds_can_show() -> None:
    """5 against 5 seeds: one of 252 orders on either side, so p >= .0079; 80% power for d = 2.0 (statistics.md)."""
    (found,) = claim_powers(planned(5))
    assert (found.comparisons, found.here, found.seeds, found.level) == (4, 4, 5, 0.05 / 4)
    assert found.effect_last == pytest.approx(2.02, abs=0.07)
    assert found.smallest_p == pytest.approx(0.0079, abs=0.0001)
    assert found.effect_first is not None
    assert found.spread == {"score": pytest.approx(0.05 / found.effect_first)}
    assert found.warnings == ("5 seeds on a side, and the claims ask for 10",)
    assert claim_powers(planned(10))[0].warnings == ()
    assert claim_powers(replace(planned(10), settings={"claims": None})) == []


@pytest.mark.parametrize(
    ("plan", "here", "says"),
    [
        (planned(1), 4, "cannot be decided: one seed on a side has no interval"),
        (planned(10, ["north"]), 2, "cannot be SUPPORTED here, only REFUTED: the grid has no runs for it on far-south"),
        (planned(10, methods=METHODS[:2]), 2, "no runs for it on north (taught_less), far-south (taught_less)"),
        (planned(10, methods=METHODS[:1]), 0, "stays INCOMPLETE here: the grid has no runs for it on north, far-south"),
        (planned(3), 4, "has no p below 0.1, and the first step of Holm's procedure asks for 0.013"),
    ],
    ids=["one seed", "an environment less", "a method less", "the claim's own method less", "three seeds"],
)
def test_a_plan_warns_of_claims_that_it_cannot_decide(plan: Plan, here: int, says: str) -> None:
    (found,) = claim_powers(plan)
    assert found.here == here
    assert any(says in warning for warning in found.warnings)
    assert f"taught-helps: {found.warnings[0]}" in claims_text(plan)
    assert bool(undecidable(plan)) == ("Holm" not in says)


OURS = Configs(PROJECT / "configs")


def test_the_papers_claims_are_about_the_papers_environments_and_methods() -> None:
    """What can be known of the paper (methods.md 9.1): three directional claims; language was controlled on two."""
    content, grid = read_claims(OURS, "ldd2022")["content"], OURS.read("grid/paper")
    of_the_paper = {name: claim for name, claim in content["claims"].items() if not claim["exploratory"]}
    environments = [str(name).replace("_", "-") for name in grid["envs"]]
    assert len(of_the_paper) == 3
    assert list(content["environments"]) == environments
    beats, language, experts = of_the_paper.values()
    assert (beats["environments"], experts["environments"]) == (environments, environments)
    assert beats["against"] == ["tabula_rasa", "vae", "inverse_rl", "reward_shaping"]
    assert language["environments"] == ["touchdown-lang", "nethack-challenge-monk"]
    assert (language["against"], experts["against"]) == (["ldd_no_language"], ["ldd_nonexpert"])
    assert {claim["method"] for claim in content["claims"].values()} == {"ldd"} <= set(grid["methods"])
    assert {claim["direction"] for claim in content["claims"].values()} == {"greater"}
    assert content["metrics"]["win_rate"]["margin"] == 0.05
    assert len({claim["family"] for claim in content["claims"].values()}) == 4


def test_no_reduced_grid_of_the_project_can_support_a_claim_of_the_paper() -> None:
    grids = {name: OURS.read(f"grid/{name}") for name in OURS.members("grid")}
    claiming = {name: grid for name, grid in grids.items() if grid.get("claims")}
    assert {"paper", "mini", "messenger", "demo", "smoke"} <= set(claiming)
    for name, grid in claiming.items():
        environments = {str(env).replace("_", "-") for env in grid["envs"]}
        for claim in read_claims(OURS, grid["claims"])["content"]["claims"].values():
            assert grid["preset"] is None or not set(claim["environments"]) <= environments, name
