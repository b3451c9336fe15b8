"""Episodes of Messenger whatever is played: against a plain reading of the rules, and reproducible."""

from __future__ import annotations

import re
from itertools import product

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import envs
from envs.base import BatchedEnv, Observation
from envs.messenger import IDS, tokenizer
from envs.messenger.games import ENTITIES
from envs.messenger.moving import MessengerMoving
from envs.messenger.wording import wording_data

torch.set_num_threads(1)  # tests run side by side

MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1), (0, 0)]
STEPS = 12
seeds = st.integers(0, 2**63 - 1)
scripts = st.lists(st.lists(st.integers(0, 4), min_size=STEPS, max_size=STEPS), min_size=1, max_size=4)


def script_of(played: list[list[int]]) -> torch.Tensor:
    """int64 [steps, copies]"""
    return torch.tensor(played).T.contiguous()


class ByHand:
    """One copy, played from what its observation shows; the manual must be dealt unshuffled, so that it can be read."""

    def __init__(self, obs: Observation, copy: int, max_steps: int) -> None:
        names = {name: entity for entity, synonyms in wording_data("full")["names"].items() for name in synonyms}
        self.max_steps, self.steps = max_steps, 0
        self.board = obs["name"].shape[1]
        self.row, self.column = obs["pos"][copy].tolist()
        self.things: dict[tuple[int, int], str] = {}
        for field, role in (("enemy", "enemy"), ("key", "message"), ("goal", "goal")):
            words = re.findall(r"\w+", tokenizer("words").decode(obs[field][copy].tolist()))
            entity = ENTITIES.index(next(names[word] for word in words if word in names))
            [[row, column]] = (obs["name"][copy, :, :, 0, 0] == entity + 2).nonzero().tolist()
            self.things[row, column] = role
        self.target = "goal" if 16 in obs["name"][copy] else "message"

    def step(self, action: int) -> tuple[float, bool, bool]:
        """-> reward, done, truncated"""
        self.steps += 1
        row, column = self.row + MOVES[action][0], self.column + MOVES[action][1]
        if 0 <= row < self.board and 0 <= column < self.board:
            self.row, self.column = row, column
        touched = self.things.get((self.row, self.column))
        if touched is not None:
            return (1.0 if touched == self.target else -1.0), True, False
        late = self.steps == self.max_steps
        return (-1.0 if late else 0.0), late, late


@given(seed=seeds, played=scripts, board=st.integers(5, 10), max_steps=st.integers(1, 8))
@settings(max_examples=40)
def test_the_batch_plays_by_the_rules(seed: int, played: list[list[int]], board: int, max_steps: int) -> None:
    copies = len(played)
    env = envs.make(
        "messenger-s1-val",
        num_envs=copies,
        seed=seed,
        board=board,
        max_steps=max_steps,
        time_penalty=0,
        shuffle_manual=False,
    )
    obs = env.reset()
    by_hand = [ByHand(obs, copy, max_steps) for copy in range(copies)]
    for actions in script_of(played):
        obs, reward, done, info = env.step(actions)
        for copy, game in enumerate(by_hand):
            expected = game.step(int(actions[copy]))
            assert (float(reward[copy]), bool(done[copy]), bool(info["truncated"][copy])) == expected
            if done[copy]:
                assert info["final_obs"]["pos"][copy].tolist() == [game.row, game.column]
                assert int(info["episode_length"][copy]) == game.steps
                assert float(info["episode_return"][copy]) == expected[0]
                assert bool(info["won"][copy]) == (expected[0] == 1)
                by_hand[copy] = ByHand(obs, copy, max_steps)
            else:
                assert obs["pos"][copy].tolist() == [game.row, game.column]


CHASER, FLEEING = 0, 1
Point = tuple[int, int]


class Moving:
    """One copy of stage 2 or 3, told from its true state before a step what may come of the step.

    Where things go is chance, and an ended episode leaves only its last frame, which shows whole cells. So each thing
    has some places where it may be now, and the step some outcomes.
    """

    def __init__(self, state: dict[str, torch.Tensor], copy: int, env: MessengerMoving) -> None:
        mine = {name: field[copy].tolist() for name, field in state.items()}
        self.edge, self.late = 2 * env.options.board - 2, mine["length"] + 1 == env.options.max_steps
        self.avatar, self.holding = tuple(mine["avatar"]), mine["with_message"]
        self.layers, self.avatar_layer = mine["layers"], env.layers
        self.places = [
            self.reachable(tuple(place), movement)
            for place, movement in zip(mine["things"], mine["movements"], strict=True)
        ]

    def inside(self, place: Point) -> bool:
        return 0 <= place[0] <= self.edge and 0 <= place[1] <= self.edge

    def distance(self, place: Point) -> int:
        return abs(place[0] - self.avatar[0]) + abs(place[1] - self.avatar[1])

    def reachable(self, place: Point, movement: int) -> set[Point]:
        steps = [(place[0] + down, place[1] + right) for down, right in MOVES[:4]]
        if movement == CHASER:
            steps = [step for step in steps if self.distance(step) < self.distance(place)] or steps
        elif movement == FLEEING:
            steps = [step for step in steps if self.distance(step) > self.distance(place)]
        else:
            steps = [place]
        return {step if self.inside(step) else place for step in steps}

    def outcomes(self, action: int, frame: torch.Tensor) -> set[tuple[float, bool, bool]]:
        """Every (reward, done, won) that fits the frame after the step, [H, W, layers]; the frame fits the rules."""
        walked = (self.avatar[0] + 2 * MOVES[action][0], self.avatar[1] + 2 * MOVES[action][1])
        avatar = walked if self.inside(walked) else self.avatar
        touches = []
        for layer, places in zip(self.layers, self.places, strict=True):
            shown = {tuple(cell) for cell in frame[:, :, layer].nonzero().tolist()}
            now = {place for place in places if not shown or (place[0] // 2, place[1] // 2) in shown}
            assert now and len(shown) <= 1
            touches.append({max(abs(place[0] - avatar[0]), abs(place[1] - avatar[1])) < 2 for place in now})
        return {self.scored(touched) for touched in product(*touches)}

    def scored(self, touched: tuple[bool, ...]) -> tuple[float, bool, bool]:
        enemy, message, goal, *decoys = touched
        reward = -1.0 * (enemy + sum(decoys))
        if reward == 0 and goal and not self.holding:
            reward = -1.0
        dead = reward < 0
        won = goal and self.holding and not dead
        if message and not self.holding and not dead:
            reward += 0.5
        reward += won
        return (-1.0 if self.late and not won else reward), dead or won or self.late, won


@given(seed=seeds, played=scripts, env_id=st.sampled_from([name for name in IDS if "-s1-" not in name]))
@settings(max_examples=40)
def test_moving_things_play_by_the_rules(seed: int, played: list[list[int]], env_id: str) -> None:
    smaller = {"board": 5} if "-s2-" in env_id else {}
    env = envs.make(env_id, num_envs=len(played), seed=seed, max_steps=17, **smaller)
    assert isinstance(env, MessengerMoving)
    env.reset()
    script = script_of(played)
    for actions in torch.cat([script, script.flip(0), script]):
        before = env.state_dict()["state"]
        _, reward, done, info = env.step(actions)
        frames = info["final_obs"]["frames"][:, -1]  # also of copies that go on
        for copy, action in enumerate(actions.tolist()):
            possible = Moving(before, copy, env).outcomes(action, frames[copy])
            assert (float(reward[copy]), bool(done[copy]), bool(info["won"][copy])) in possible


def record(env: BatchedEnv, script: torch.Tensor) -> list[Observation]:
    return [env.step(actions)[0] for actions in script]


def same(one: Observation, other: Observation) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@given(seed=seeds, played=scripts, env_id=st.sampled_from(IDS))
@settings(max_examples=20)
def test_a_saved_state_continues_the_same_episodes(seed: int, played: list[list[int]], env_id: str) -> None:
    script = script_of(played)
    env = envs.make(env_id, num_envs=len(played), seed=seed)
    env.reset()
    for actions in script:
        current = env.step(actions)[0]
    saved = env.state_dict()
    expected = record(env, script)

    other = envs.make(env_id, num_envs=len(played), seed=seed + 1)
    assert same(other.load_state_dict(saved), current)
    assert all(map(same, record(other, script), expected))


@given(seed=seeds, script=scripts, other=scripts, stage=st.sampled_from([1, 2, 3]))
@settings(max_examples=20)
def test_an_episode_depends_on_nothing_but_seed_copy_and_number(
    seed: int, script: list[list[int]], other: list[list[int]], stage: int
) -> None:
    """Neither on what is played nor on how many copies there are."""

    def episodes(copies: int, played: list[list[int]]) -> dict[tuple[int, int], Observation]:
        """The first observation of every episode, by copy and number."""
        env = envs.make(f"messenger-s{stage}-train", num_envs=copies, seed=seed, max_steps=3)
        obs = env.reset()
        number = [1] * copies
        seen = {(copy, 1): {name: value[copy] for name, value in obs.items()} for copy in range(copies)}
        for step in range(STEPS):
            actions = torch.tensor([played[copy % len(played)][step] for copy in range(copies)])
            obs, _, done, _ = env.step(actions)
            for copy in done.nonzero().flatten().tolist():
                number[copy] += 1
                seen[copy, number[copy]] = {name: value[copy] for name, value in obs.items()}
        return seen

    few, many = episodes(2, script), episodes(5, other)
    met = few.keys() & many.keys()
    assert len(met) >= 2 * (STEPS // 3)  # every episode ends after three steps at the latest
    assert all(same(few[episode], many[episode]) for episode in met)


@given(seed=seeds, played=scripts, stage=st.sampled_from([1, 2, 3]))
@settings(max_examples=20)
def test_an_observation_once_returned_never_changes(seed: int, played: list[list[int]], stage: int) -> None:
    env = envs.make(f"messenger-s{stage}-train", num_envs=len(played), seed=seed, max_steps=2)
    kept, copies = [env.reset()], []
    copies.append({name: value.clone() for name, value in kept[0].items()})
    for actions in script_of(played):
        obs, _, _, info = env.step(actions)
        for shown in (obs, info["final_obs"]):
            kept.append(shown)
            copies.append({name: value.clone() for name, value in shown.items()})
    assert all(map(same, kept, copies))
