"""Playing RTFM: scenes set up by hand, and random play in lockstep with the plain-Python oracle."""

from __future__ import annotations

from itertools import product

import pytest
import torch

import envs
from envs.base import EnvError
from envs.rtfm import deal, rules
from envs.rtfm.env import RTFM
from envs.text import WordTokenizer
from tests.rtfm_by_hand import Cell, Room

torch.set_num_threads(1)  # tests run side by side
THINGS = ("agent", "target", "distractor", "good", "bad")
STAY, UP, DOWN, LEFT, RIGHT = range(5)
NAMES = deal.names()


def make(env_id: str = "rtfm-s1-train", copies: int = 1, **options: object) -> RTFM:
    env = envs.make(env_id, num_envs=copies, seed=3, **options)
    assert isinstance(env, RTFM)
    env.reset()
    return env


def scene(where: dict[str, Cell], **options: object) -> RTFM:
    """One copy of stage 1 with everything where we want it, given as (row, column) of the 4x4 interior."""
    env = make(**options)
    state = env.state_dict()
    state["board"]["cells"][0] = torch.tensor([row * 4 + column for row, column in (where[name] for name in THINGS)])
    env.load_state_dict(state)
    return env


def play(env: RTFM, *actions: int) -> list[tuple[float, bool, bool]]:
    """(reward, done, won) of each turn."""
    turns = []
    for action in actions:
        _, reward, done, info = env.step(torch.tensor([action]))
        turns.append((round(float(reward[0]), 6), bool(done[0]), bool(info["won"][0])))
    return turns


LINE = {"agent": (0, 0), "good": (0, 1), "target": (0, 2), "bad": (1, 0), "distractor": (2, 0)}


def test_taking_the_good_item_and_meeting_the_target_wins() -> None:
    env = scene(LINE)
    assert play(env, RIGHT, RIGHT) == [(-0.02, False, False), (1.0, True, True)]


def test_the_return_of_a_win_in_n_turns_is_1_minus_02_times_n_minus_1() -> None:
    env = scene(LINE)
    play(env, STAY, STAY, RIGHT)
    _, _, _, info = env.step(torch.tensor([RIGHT]))
    assert float(info["episode_return"][0]) == pytest.approx(1 - 0.02 * 3)
    assert int(info["episode_length"][0]) == 4


def test_meeting_the_distractor_loses_with_any_item() -> None:
    assert play(scene(LINE), DOWN, DOWN)[-1] == (-1.0, True, False)  # it dies by the bad item, which is a loss as well
    assert play(scene({**LINE, "bad": (3, 3)}), RIGHT, LEFT, DOWN, DOWN)[-1] == (-1.0, True, False)


def test_meeting_the_target_without_the_good_item_loses() -> None:
    assert play(scene({**LINE, "good": (3, 3)}), RIGHT, RIGHT)[-1] == (-1.0, True, False)


def test_the_second_item_destroys_the_first() -> None:
    env = scene({**LINE, "bad": (1, 1)})
    names = [NAMES[int(number)] for number in env.board.names[0]]
    play(env, RIGHT)
    assert NAMES[int(env.board.held[0])] == names[rules.GOOD]
    play(env, DOWN)
    assert NAMES[int(env.board.held[0])] == names[rules.BAD]
    assert env.board.names[0].tolist()[rules.GOOD :] == [0, 0]
    assert play(env, UP, RIGHT)[-1] == (-1.0, True, False)


def test_walking_into_the_wall_costs_a_turn() -> None:
    env = scene(LINE)
    before = env.board.cells.clone()
    assert play(env, UP) == [(-0.02, False, False)]
    assert torch.equal(env.board.cells, before)


@pytest.mark.parametrize(("options", "length"), [({}, 80), ({"max_steps": 81}, 81), ({"max_steps": 1}, 1)])
def test_time_runs_out_with_a_loss_on_the_last_allowed_turn(options: dict[str, int], length: int) -> None:
    env = scene(LINE, **options)
    turns = play(env, *[STAY] * (length - 1))
    assert all(turn == (-0.02, False, False) for turn in turns)
    _, reward, done, info = env.step(torch.tensor([STAY]))
    assert (float(reward[0]), bool(done[0]), bool(info["won"][0])) == (-1.0, True, False)
    assert bool(info["truncated"][0]) and int(info["episode_length"][0]) == length


def test_a_win_on_the_last_turn_is_a_win_and_not_a_time_out() -> None:
    env = scene(LINE, max_steps=2)
    play(env, RIGHT)
    _, reward, done, info = env.step(torch.tensor([RIGHT]))
    assert float(reward[0]) == 1.0 and bool(done[0]) and bool(info["won"][0]) and not bool(info["truncated"][0])


def test_the_observation_shows_the_board_from_above() -> None:
    env = scene(LINE)
    obs = env._observe(env.board)
    numbers = env.board.names[0].tolist()

    def words_at(row: int, column: int) -> str:
        return env.tokenizer.decode(obs["name"][0, row, column, 0].tolist())

    assert words_at(0, 3) == words_at(5, 5) == words_at(2, 0) == "wall"
    assert words_at(1, 1) == "you"
    assert words_at(1, 2) == NAMES[numbers[rules.GOOD]] and words_at(1, 3) == NAMES[numbers[rules.TARGET]]
    assert words_at(2, 1) == NAMES[numbers[rules.BAD]] and words_at(3, 1) == NAMES[numbers[rules.DISTRACTOR]]
    assert words_at(4, 4) == "empty"
    assert obs["pos"][0].tolist() == [1, 1]
    assert obs["valid"][0].tolist() == [1, 0, 1, 0, 1]
    assert obs["rel_pos"][0, 1, 1].tolist() == [0, 0]
    assert obs["rel_pos"][0, 0, 5].tolist() == pytest.approx([4 / 6, -1 / 6])  # (column, row)
    assert obs["inv_len"][0].tolist() == [1] and obs["inv"][0].tolist() == [WordTokenizer.UNK, *[0] * 7]
    assert [int(length) for length in obs["name_len"][0, 1, :3, 0]] == [1, 1, 2]


def test_a_dead_agent_leaves_the_last_picture() -> None:
    env = scene({**LINE, "good": (3, 3)})
    play(env, RIGHT)
    _, _, done, info = env.step(torch.tensor([RIGHT]))
    assert bool(done[0])
    last = info["final_obs"]
    assert last["pos"][0].tolist() == [0, 0]
    assert last["valid"][0].tolist() == [1] * 5
    assert not bool(last["rel_pos"].any())
    texts = [env.tokenizer.decode(last["name"][0, row, column, 0].tolist()) for row in range(6) for column in range(6)]
    assert "you" not in texts and texts[0] == "wall"


def test_of_two_things_in_a_cell_the_monster_hides_the_item_and_the_agent_hides_both() -> None:
    env = scene({**LINE, "good": (0, 2)})  # the target stands on the good item
    numbers = env.board.names[0].tolist()
    obs = env._observe(env.board)
    assert env.tokenizer.decode(obs["name"][0, 1, 3, 0].tolist()) == NAMES[numbers[rules.TARGET]]
    assert play(env, RIGHT, RIGHT)[-1] == (1.0, True, True)  # pick-up comes before the fight


def test_without_items_the_agent_starts_with_the_right_one_in_its_hands() -> None:
    env = make(copies=50, items=False)
    assert env.board.names[:, rules.GOOD :].tolist() == [[0, 0]] * 50
    target = (env.board.names[:, rules.TARGET] - deal.MONSTER_NAMES) // 9
    held = [NAMES[int(number)].split(" ")[0] for number in env.board.held]
    for element, modifier, row in zip(target.tolist(), held, range(50), strict=True):
        manual = env.tokenizer.decode(env.board.wiki[row].tolist())
        assert f"{deal.words.ELEMENTS[element]} fears {modifier}." in manual


def test_a_fair_start_asks_for_the_text_at_once() -> None:
    env = make(copies=3000, start="fair")
    rows, columns = env.board.cells // 4, env.board.cells % 4
    down, right = rows[:, 1:] - rows[:, :1], columns[:, 1:] - columns[:, :1]
    far = down.abs() + right.abs()
    assert torch.equal(far[:, 0], far[:, 1]) and torch.equal(far[:, 2], far[:, 3])
    for one, other in ((0, 1), (2, 3)):  # no move brings the agent nearer to both
        assert not bool(((down[:, one] * down[:, other] > 0) | (right[:, one] * right[:, other] > 0)).any())


@pytest.mark.parametrize("env_id", ["rtfm-s1-test", "rtfm-s2-train"])
def test_random_play_follows_the_plain_oracle_turn_by_turn(env_id: str) -> None:
    """The oracle is told the monsters' plans, as drawn from the table of their policy, and must agree on the rest."""
    env = make(env_id, copies=150, max_steps=25)
    generator = torch.Generator().manual_seed(0)
    wins = losses = 0
    for _ in range(60):
        rooms, numbers, steps = _rooms(env), _next_numbers(env), env.hidden.steps.tolist()
        before = env.board
        actions = torch.randint(5, (150,), generator=generator)
        _, reward, done, info = env.step(actions)
        shown = info["final_obs"]
        for copy, room in enumerate(rooms):
            plans, order = _plans(env, before.cells[copy].tolist(), numbers[copy])
            room.turn(rules.ACTIONS[int(actions[copy])], plans, order)
            assert bool(info["won"][copy]) is room.won
            timed_out = steps[copy] + 1 == 25 and not room.over
            assert bool(done[copy]) is (room.over or timed_out) and bool(info["truncated"][copy]) is timed_out
            assert float(reward[copy]) == pytest.approx(1 if room.won else -1 if bool(done[copy]) else -0.02)
            if not bool(done[copy]):
                assert _rooms(env, [copy])[0].where == room.where
            elif "agent" in room.where:
                assert shown["pos"][copy].tolist() == [room.where["agent"][0] + 1, room.where["agent"][1] + 1]
            else:
                assert shown["pos"][copy].tolist() == [0, 0]
            wins, losses = wins + room.won, losses + (room.over and not room.won)
    assert wins > 15 and losses > 300


def _rooms(env: RTFM, copies: list[int] | None = None) -> list[Room]:
    rooms = []
    for copy in copies if copies is not None else range(env.num_envs):
        cells, names = env.board.cells[copy].tolist(), env.board.names[copy].tolist()
        where = {thing: (cell // 4, cell % 4) for thing, cell, name in zip(THINGS, cells, names, strict=True) if name}
        rooms.append(Room(where, (None, "good", "bad")[int(env.hidden.hands[copy])]))
    return rooms


def _next_numbers(env: RTFM) -> list[int]:
    """What the coming turn will draw, from a copy of the streams."""
    if not env.monsters_move:
        return [0] * env.num_envs
    saved = env.streams.state_dict()
    numbers = env.streams.integers(2 * rules.OUTCOMES**2)[:, 0].tolist()
    env.streams.load_state_dict(saved)
    return numbers


def _plans(env: RTFM, cells: list[int], number: int) -> tuple[dict[str, Cell], tuple[str, str]]:
    agent, target, distractor = cells[:3]
    if env.monsters_move:
        outcomes = (number % rules.OUTCOMES, number // rules.OUTCOMES % rules.OUTCOMES)
        target, distractor = (
            int(rules.chase()[agent, monster, outcome])
            for monster, outcome in zip((target, distractor), outcomes, strict=True)
        )
    plans = {"target": (target // 4, target % 4), "distractor": (distractor // 4, distractor % 4)}
    return plans, ("distractor", "target") if number // rules.OUTCOMES**2 else ("target", "distractor")


def test_a_kept_observation_does_not_change_when_the_game_goes_on() -> None:
    env = make("rtfm-s2-train", copies=64)
    obs = env.reset()
    kept = {name: field.clone() for name, field in obs.items()}
    for _ in range(5):
        env.step(torch.full((64,), RIGHT))
    assert all(torch.equal(obs[name], kept[name]) for name in obs)


def test_all_reductions_go_together() -> None:
    """Options are orthogonal: every combination plays, and its expert wins what can be won."""
    for items, goal, start in product((True, False), ("team", "monster"), ("uniform", "fair")):
        env = make("rtfm-s4-test", copies=64, items=items, goal=goal, start=start, max_steps=30)
        expert, wins, ends = env.expert(), 0, 0
        for _ in range(30):
            obs, _, done, info = env.step(expert({}))
            wins, ends = wins + int(info["won"].sum()), ends + int(done.sum())
        assert int(obs["wiki_len"].min()) >= 3 and int(obs["task_len"].min()) >= 2
        assert ends > 64 and wins / ends > 0.85


@pytest.mark.parametrize("other", [{"env_id": "rtfm-s1-test"}, {"copies": 2}, {"max_steps": 81}, {"goal": "monster"}])
def test_a_state_of_another_environment_is_refused(other: dict[str, object]) -> None:
    with pytest.raises(EnvError, match="the saved state has"):
        make(**other).load_state_dict(make().state_dict())


@pytest.mark.parametrize("actions", [torch.tensor([5]), torch.tensor([-1]), torch.tensor([0, 1]), torch.tensor([0.0])])
def test_what_is_no_action_is_refused_by_name(actions: torch.Tensor) -> None:
    with pytest.raises(EnvError, match="rtfm-s1-train: actions"):
        make().step(actions)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_step": 3}, "did you mean 'max_steps'"),
        ({"max_steps": 0}, "max_steps is 0, expected a whole number of at least 1"),
        ({"max_steps": True}, "whole number"),
        ({"time_penalty": "low"}, "time_penalty is 'low', expected a finite number"),
        ({"goal": "teams"}, "did you mean 'team'"),
        ({"items": 1}, "items is 1, expected True or False"),
        ({"tokenizer": "bert"}, "expected one of 'words', 'bert-base-uncased'"),
        ({"tokenizer_files": "somewhere"}, "belongs to tokenizer='bert-base-uncased'"),
        ({"redraw_text": True}, "needs the paraphrases of stage 4"),
    ],
)
def test_a_wrong_option_is_explained_in_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(EnvError, match=message) as caught:
        envs.make("rtfm-s1-train", **options)
    assert "\n" not in str(caught.value)


def test_describe_tells_a_person_everything_there_is_to_know() -> None:
    text = scene(LINE).describe()
    assert "rtfm-s1-train, episode 1, turn 0 of 80" in text
    assert "hunt the" in text and "fears" in text and "holding: nothing" in text
    rows = text.splitlines()[-6:]
    assert rows[1].startswith("  # @")
    assert sum(rows[1][:15].count(mark) + rows[2][:15].count(mark) + rows[3][:15].count(mark) for mark in "ABab") == 4
