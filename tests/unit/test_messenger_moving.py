"""The rules of Messenger's stages 2 and 3, step by step (env_messenger.md §5-8)."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import pytest
import torch
from torch import Tensor

import envs
from envs.base import EnvError
from envs.messenger import SPLITS
from envs.messenger.engine import CHASER, FLEEING, IMMOVABLE, Engine
from envs.messenger.games import ENTITIES, games, parts
from envs.messenger.moving import MessengerMoving

torch.set_num_threads(1)  # tests run side by side

UP, DOWN, LEFT, RIGHT, STAY = range(5)
ENEMY, MESSAGE, GOAL, DECOY_MESSAGE, DECOY_GOAL = range(5)
Point = tuple[int, int]
FAR = [(0, 0), (0, 18), (18, 0), (18, 18), (0, 9)]
"""Half cells that the avatar, staged in the middle, does not reach in a step; thing by thing."""
MIDDLE = (10, 10)
CPU = torch.device("cpu")


def make(env_id: str = "messenger-s2-train", num_envs: int = 1, **options: object) -> MessengerMoving:
    return envs.make(env_id, num_envs=num_envs, **options)  # type: ignore[return-value]


def staged(
    stage: int,
    places: dict[int, Point] | None = None,
    movements: dict[int, int] | None = None,
    avatar: Point = MIDDLE,
    with_message: bool = False,
    copies: int = 1,
    **options: object,
) -> MessengerMoving:
    """Copies of one board: things are still and far away unless ``places`` and ``movements`` say otherwise.

    dog = enemy, ship = message, queen = goal; the layers are those of the roles.
    """
    env = make(f"messenger-s{stage}-train", num_envs=copies, **options)
    env.reset()
    things = env.layers
    state = env.state_dict()

    def alike(row: list[object]) -> Tensor:
        return torch.tensor([row] * copies)

    state["state"] |= {
        "avatar": alike(list(avatar)),
        "things": alike([(places or {}).get(thing, FAR[thing]) for thing in range(things)]),
        "movements": alike([(movements or {}).get(thing, IMMOVABLE) for thing in range(things)]),
        "layers": alike(list(range(things))),
        "entities": alike([ENTITIES.index(name) for name in ("dog", "ship", "queen")]),
        "with_message": torch.full((copies,), with_message),
    }
    env.load_state_dict(state)
    return env


def step(env: MessengerMoving, action: int) -> tuple[float, bool, dict[str, Tensor]]:
    _, reward, done, info = env.step(torch.full((env.num_envs,), action))
    assert len(set(reward.tolist())) == 1
    return round(float(reward[0]), 4), bool(done[0]), info


def enemies(env: MessengerMoving) -> set[Point]:
    """Where the enemies of the copies are."""
    return set(map(tuple, env.state_dict()["state"]["things"][:, ENEMY].tolist()))


def seen(frame: Tensor) -> dict[tuple[int, int, int], int]:
    """(row, column, layer) -> id, of one frame [H, W, layers]."""
    return {tuple(place): int(frame[tuple(place)]) for place in frame.nonzero().tolist()}


NEAR = [(10, 11), (11, 10), (9, 10), (10, 9), (11, 11), (9, 9), (9, 11), (10, 10)]
CLEAR = [(10, 12), (12, 10), (8, 10), (10, 8), (12, 11), (9, 12), (8, 8), (12, 12)]


@pytest.mark.parametrize("place", NEAR)
def test_blocks_touch_when_both_offsets_are_at_most_half_a_cell(place: Point) -> None:
    reward, done, info = step(staged(2, {ENEMY: place}), STAY)
    assert (reward, done, bool(info["won"])) == (-1, True, False)


@pytest.mark.parametrize("place", CLEAR)
def test_blocks_that_are_a_cell_apart_do_not_touch(place: Point) -> None:
    assert step(staged(2, {ENEMY: place}), STAY)[:2] == (0, False)


HERE = MIDDLE


@pytest.mark.parametrize(
    ("stage", "touched", "with_message", "reward", "done"),
    [
        (2, {ENEMY}, False, -1, True),
        (2, {ENEMY}, True, -1, True),
        (2, {MESSAGE}, False, 0.5, False),
        (2, {MESSAGE}, True, 0, False),  # it was taken before
        (2, {GOAL}, False, -1, True),
        (2, {GOAL}, True, 1, True),
        (2, {ENEMY, MESSAGE}, False, -1, True),  # no pick-up
        (2, {ENEMY, GOAL}, True, -1, True),  # no win
        (2, {ENEMY, GOAL}, False, -1, True),  # once
        (2, {MESSAGE, GOAL}, False, -1, True),  # no pick-up
        (2, {MESSAGE, GOAL}, True, 1, True),
        (3, {MESSAGE}, False, 0.5, False),
        (3, {GOAL}, True, 1, True),
        (3, {DECOY_MESSAGE}, False, -1, True),
        (3, {DECOY_MESSAGE}, True, -1, True),
        (3, {DECOY_GOAL}, False, -1, True),
        (3, {DECOY_GOAL}, True, -1, True),
        (3, {ENEMY, DECOY_GOAL}, True, -2, True),
        (3, {ENEMY, DECOY_MESSAGE}, False, -2, True),
        (3, {ENEMY, GOAL}, False, -1, True),
        (3, {GOAL, DECOY_MESSAGE}, False, -1, True),
        (3, {ENEMY, DECOY_MESSAGE, DECOY_GOAL}, True, -3, True),
        (3, {ENEMY, GOAL, DECOY_MESSAGE, DECOY_GOAL}, False, -3, True),
        (3, {MESSAGE, DECOY_MESSAGE}, False, -1, True),
        (3, {GOAL, DECOY_GOAL}, True, -1, True),
        (3, {MESSAGE, GOAL}, False, -1, True),
    ],
)
def test_contacts(stage: int, touched: set[int], with_message: bool, reward: float, done: bool) -> None:
    env = staged(stage, dict.fromkeys(touched, HERE), with_message=with_message)
    got, over, info = step(env, STAY)
    assert (got, over) == (reward, done)
    if done:
        assert bool(info["won"]) == (reward == 1)
        assert float(info["episode_return"]) == reward
        assert (int(info["episode_length"]), bool(info["truncated"])) == (1, False)


def test_a_won_episode_returns_one_and_a_half() -> None:
    env = staged(2, {MESSAGE: (10, 12), GOAL: (10, 14)})
    assert step(env, RIGHT)[:2] == (0.5, False)
    reward, done, info = step(env, RIGHT)
    assert (reward, done, bool(info["won"])) == (1, True, True)
    assert float(info["episode_return"]) == 1.5


def test_the_time_penalty_is_added_to_steps_that_do_not_end_the_episode() -> None:
    env = staged(2, {MESSAGE: (10, 12), GOAL: (10, 14)}, time_penalty=-0.02)
    assert [step(env, action)[0] for action in (STAY, RIGHT, RIGHT)] == [-0.02, 0.48, 1]


@pytest.mark.parametrize(
    ("stage", "touched", "with_message", "reward", "truncated"),
    [
        (2, set(), False, -1, True),
        (2, {MESSAGE}, False, -1, True),
        (2, {GOAL}, True, 1, False),
        (2, {ENEMY}, False, -1, False),
        (3, {ENEMY, DECOY_GOAL}, True, -1, False),
    ],
    ids=["nothing", "pick-up", "win", "death", "two deaths"],
)
def test_the_last_step_pays_minus_one_unless_it_wins(
    stage: int, touched: set[int], with_message: bool, reward: float, truncated: bool
) -> None:
    env = staged(stage, dict.fromkeys(touched, (12, 10)), with_message=with_message, max_steps=2)
    assert step(env, STAY)[:2] == (0, False)
    got, done, info = step(env, DOWN)
    assert (got, done, bool(info["truncated"])) == (reward, True, truncated)


def test_the_avatar_walks_a_cell_and_the_border_blocks() -> None:
    env = staged(2, avatar=(2, 16), max_steps=99)
    for action in (RIGHT, RIGHT, UP, STAY):
        step(env, action)
    assert env.state_dict()["state"]["avatar"].tolist() == [[0, 18]]


def moves(movement: int, place: Point, avatar: Point, copies: int = 4000) -> dict[Point, float]:
    """How often a thing moves where."""
    outcomes = torch.randint(12, (copies, 1), generator=torch.Generator().manual_seed(1))
    things = torch.tensor(place).expand(copies, 1, 2)
    after = Engine(10, CPU).moved(things, torch.full((copies, 1), movement), torch.tensor([avatar] * copies), outcomes)
    counted = Counter((row - place[0], column - place[1]) for row, column in after[:, 0].tolist())
    return {way: count / copies for way, count in counted.items()}


@pytest.mark.parametrize(
    ("movement", "place", "avatar", "ways"),
    [
        (IMMOVABLE, (4, 4), MIDDLE, [(0, 0)]),
        (CHASER, (4, 4), MIDDLE, [(1, 0), (0, 1)]),
        (CHASER, (15, 4), MIDDLE, [(-1, 0), (0, 1)]),
        (CHASER, (10, 3), MIDDLE, [(0, 1)]),
        (CHASER, (17, 10), MIDDLE, [(-1, 0)]),
        (CHASER, MIDDLE, MIDDLE, [(-1, 0), (1, 0), (0, -1), (0, 1)]),
        (FLEEING, (4, 4), MIDDLE, [(-1, 0), (0, -1)]),
        (FLEEING, (10, 3), MIDDLE, [(-1, 0), (1, 0), (0, -1)]),
        (FLEEING, (17, 10), MIDDLE, [(1, 0), (0, -1), (0, 1)]),
        (FLEEING, MIDDLE, MIDDLE, [(-1, 0), (1, 0), (0, -1), (0, 1)]),
        (FLEEING, (0, 4), MIDDLE, [(0, 0), (0, -1)]),  # half of the moves are lost at the border
        (FLEEING, (18, 18), MIDDLE, [(0, 0)]),
        (FLEEING, (18, 18), (18, 10), [(0, 0), (0, 0), (-1, 0)]),
    ],
)
def test_how_things_move(movement: int, place: Point, avatar: Point, ways: list[Point]) -> None:
    expected = {way: count / len(ways) for way, count in Counter(ways).items()}
    got = moves(movement, place, avatar)
    assert got.keys() == expected.keys()
    for way, share in expected.items():
        assert abs(got[way] - share) < 3.2905 * sqrt(share * (1 - share) / 4000) + 1e-9


def test_things_look_at_the_avatar_before_it_moves_and_move_in_every_step() -> None:
    env = staged(2, {ENEMY: (10, 2)}, {ENEMY: CHASER}, copies=40, max_steps=99)
    for turn in range(3):  # it is straight to the left, so one way is nearer
        assert enemies(env) == {(10, 2 + turn)}
        step(env, STAY)
    step(env, DOWN)  # aligned before this move: still one way
    assert enemies(env) == {(10, 6)}
    step(env, STAY)
    assert enemies(env) == {(11, 6), (10, 7)}


def test_things_do_not_mind_each_other() -> None:
    env = staged(2, {ENEMY: (10, 2), GOAL: (10, 4)}, {ENEMY: CHASER, GOAL: IMMOVABLE})
    step(env, STAY), step(env, STAY)
    assert enemies(env) == {(10, 4)}


def test_what_is_shown_is_the_left_or_upper_cell() -> None:
    env = staged(3, {ENEMY: (5, 7), DECOY_GOAL: (1, 18)})
    frame = env.step(torch.tensor([STAY]))[0]["frames"][0, -1]
    assert seen(frame) == {
        (2, 3, ENEMY): 4,  # the dog
        (0, 9, MESSAGE): 9,  # the ship
        (9, 0, GOAL): 12,  # the queen
        (9, 9, DECOY_MESSAGE): 9,
        (0, 9, DECOY_GOAL): 12,
        (5, 5, 5): 15,  # the avatar
    }


def test_the_message_disappears_when_it_is_taken() -> None:
    env = staged(2, {MESSAGE: HERE})
    frame = env.step(torch.tensor([STAY]))[0]["frames"][0, -1]
    assert seen(frame) == {(0, 0, ENEMY): 4, (9, 0, GOAL): 12, (5, 5, 3): 16}


@pytest.mark.parametrize(
    ("touched", "with_message", "shown"),
    [
        ({GOAL}, True, {(0, 0, ENEMY): 4, (5, 5, 3): 16}),
        ({ENEMY}, False, {(5, 5, ENEMY): 4, (0, 9, MESSAGE): 9, (9, 0, GOAL): 12}),
        ({ENEMY, MESSAGE}, False, {(5, 5, ENEMY): 4, (9, 0, GOAL): 12}),
        ({ENEMY, GOAL}, True, {(5, 5, ENEMY): 4, (5, 5, GOAL): 12}),
    ],
    ids=["win", "death", "death on the message", "death on the goal"],
)
def test_the_last_frame(touched: set[int], with_message: bool, shown: dict[tuple[int, int, int], int]) -> None:
    _, done, info = step(staged(2, dict.fromkeys(touched, HERE), with_message=with_message), STAY)
    assert done
    assert seen(info["final_obs"]["frames"][0, -1]) == shown


def test_a_dead_avatar_stands_at_the_origin_for_silg() -> None:
    _, _, info = step(staged(2, {ENEMY: HERE}, view="silg"), STAY)
    final = info["final_obs"]
    assert final["pos"].tolist() == [[0, 0]]
    assert final["valid"].tolist() == [[0, 1, 0, 1, 1]]
    assert not final["name"][..., -1].any()
    torch.testing.assert_close(final["rel_pos"][0, 3, 7], torch.tensor([0.7, 0.3]))


STARTS = {
    "messenger-s2-train": [(2, 2), (2, 7), (7, 2), (7, 7)],
    "messenger-s3-test": [(1, 2), (1, 8), (6, 1), (6, 9), (4, 5), (9, 5)],  # (row, column)
}


@pytest.mark.parametrize("env_id", STARTS)
def test_where_episodes_start(env_id: str) -> None:
    env = make(env_id, num_envs=3000)
    env.reset()
    state = env.state_dict()["state"]
    starts = torch.cat([state["things"], state["avatar"][:, None]], 1)
    assert {tuple(sorted(map(tuple, row))) for row in (starts // 2).tolist()} == {tuple(sorted(STARTS[env_id]))}
    assert not (starts % 2).any() and not state["with_message"].any()


@pytest.mark.parametrize(("board", "corners"), [(5, (1, 3)), (6, (1, 4)), (7, (1, 5)), (8, (1, 6)), (10, (2, 7))])
def test_stage_2_scales(board: int, corners: tuple[int, int]) -> None:
    env = make(num_envs=500, board=board)
    frames = env.reset()["frames"]
    assert frames.shape == (500, 3, board, board, 4)
    assert {tuple(place) for place in frames[:, -1].nonzero()[:, 1:3].tolist()} == {
        (row, column) for row in corners for column in corners
    }


@pytest.mark.parametrize("split", [*SPLITS, "test-se"])
def test_the_games_of_a_split_are_those_of_stage_1(split: str) -> None:
    for stage in (2,) if split == "test-se" else (2, 3):
        for cast in (12,) if split.endswith(("-mc", "-sc")) else (12, 6):
            assert_plays_the_games_of(split, stage, cast)


def assert_plays_the_games_of(split: str, stage: int, cast: int) -> None:
    env = make(f"messenger-s{stage}-{split}", num_envs=3000, seed=5, entities=cast)
    env.reset()
    played = set(map(tuple, env.state_dict()["state"]["entities"].tolist()))
    assert played == {game for part in parts(split.removesuffix("-se"), cast) for game in games(cast, part)}


def variants(env_id: str, copies: int = 20_000) -> Counter[tuple[int, ...]]:
    env = make(env_id, num_envs=copies, seed=3)
    env.reset()
    return Counter(map(tuple, env.state_dict()["state"]["movements"].tolist()))


@pytest.mark.parametrize(
    ("split", "number"),
    [("train", 6), ("train-mc", 6), ("fit", 6), ("dev", 6), ("val", 6), ("test", 27), ("test-se", 6)],
)
def test_variants_of_stage_2(split: str, number: int) -> None:
    drawn = variants(f"messenger-s2-{split}")
    assert len(drawn) == number
    if number == 6:
        assert all(sorted(variant) == [CHASER, FLEEING, IMMOVABLE] for variant in drawn)
    assert_uniform(drawn)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_variants_of_stage_3(split: str) -> None:
    drawn = variants(f"messenger-s3-{split}")
    assert len(drawn) == 18
    for _, message, goal, decoy_message, decoy_goal in drawn:
        assert message != decoy_message and goal != decoy_goal and decoy_message != decoy_goal
    assert {tuple(sorted(variant[:3])) for variant in drawn} == {(CHASER, FLEEING, IMMOVABLE)}
    assert_uniform(drawn)


def assert_uniform(counts: Counter[tuple[int, ...]], chance: float | None = None) -> None:
    """Every outcome lies in the 99.99% interval around its share."""
    total = sum(counts.values())
    share = chance or 1 / len(counts)
    assert all(abs(count - total * share) < 3.89 * sqrt(total * share * (1 - share)) for count in counts.values())


def test_layout_variant_game_and_layers_are_drawn_independently() -> None:
    env = make("messenger-s2-val", num_envs=50_000, seed=4)
    env.reset()
    state = env.state_dict()["state"]
    corners = state["things"].sum(-1)[:, 0] * 100 + state["things"][:, 0, 0]  # where the enemy starts
    enemy, layer, moves = state["entities"][:, 0], state["layers"][:, 0], state["movements"][:, 0]
    for one, other in ((corners, enemy), (corners, moves), (moves, enemy), (layer, enemy), (layer, moves)):
        pairs = Counter(zip(one.tolist(), other.tolist(), strict=True))
        assert len(pairs) == len(one.unique()) * len(other.unique())
        assert_uniform(pairs)


def test_layers_stay_while_an_episode_lasts() -> None:
    env = make(num_envs=300)
    env.reset()
    before = env.state_dict()["state"]["layers"]
    assert len({tuple(row) for row in before.tolist()}) == 6
    env.step(torch.full((300,), STAY))
    assert torch.equal(env.state_dict()["state"]["layers"], before)


def test_layers_can_be_shuffled_at_every_step_and_nothing_else_changes() -> None:
    still, shuffled = (make(num_envs=300, seed=1, shuffle_layers=on) for on in (False, True))
    still.reset(), shuffled.reset()
    generator = torch.Generator().manual_seed(0)
    for _ in range(70):
        actions = torch.randint(5, (300,), generator=generator)
        one, two = still.step(actions), shuffled.step(actions)
        assert torch.equal(one[1], two[1]) and torch.equal(one[2], two[2])
        for frames in (one[0]["frames"], two[0]["frames"]):
            assert frames.shape[-1] == 4
        assert torch.equal(one[0]["frames"][..., :3].sort(-1).values, two[0]["frames"][..., :3].sort(-1).values)
    ours, theirs = (env.state_dict()["state"]["layers"] for env in (still, shuffled))
    assert 0.1 < (ours == theirs).all(1).float().mean() < 0.24  # by chance in one of six


def test_a_fixed_layer_does_not_tell_the_role() -> None:
    env = make(num_envs=12_000, seed=2)
    env.reset()
    layers = Counter(map(tuple, env.state_dict()["state"]["layers"].tolist()))
    assert len(layers) == 6
    assert_uniform(layers)


def test_describe_shows_board_and_manual_but_not_the_answer() -> None:
    env = staged(3, {ENEMY: (5, 7)})
    env.step(torch.tensor([RIGHT]))
    lines = env.describe().splitlines()
    assert lines[0] == "messenger-s3-train, copy 0, episode 1, step 1 of 128, return +0.00"
    assert lines[4].split() == ["·"] * 3 + ["do"] + ["·"] * 6
    assert lines[7].split() == ["·"] * 6 + ["@"] + ["·"] * 3
    assert lines[13] == "@ you, without the message; qu queen, sh ship, do dog"
    assert len(lines) == 20 and all(line.startswith("  - ") for line in lines[14:])


@pytest.mark.parametrize(
    ("env_id", "options", "message"),
    [
        ("messenger-s3-train", {"view": "silg"}, "room for three sentences, stage 3 has six; use view='emma'"),
        ("messenger-s3-train", {"board": 8}, "board is 8, expected 10: stage 3 has no smaller layout"),
        ("messenger-s2-train", {"board": 4}, "board is 4, expected a whole number of at least 5"),
        ("messenger-s2-train", {"message_probability": 0.2}, "messenger-s2-train has no option 'message_probability'"),
        ("messenger-s1-train", {"shuffle_layers": True}, "messenger-s1-train has no option 'shuffle_layers'"),
        ("messenger-s2-train-mc", {"entities": 6}, "with entities=6 train on 'messenger-s2-train'"),
        ("messenger-s2-train", {"view": "ema"}, "view is 'ema', expected one of 'silg', 'emma' (did you mean 'emma'?)"),
        ("messenger-s2-train", {"vocabulary": "stages"}, "(did you mean 'stage'?)"),
        ("messenger-s3-test-se", {}, "unknown environment 'messenger-s3-test-se'; did you mean 'messenger-s"),
        ("messenger-s2-train", {"data_dir": 3}, "data_dir is 3, expected a folder"),
    ],
)
def test_bad_requests_name_the_culprit_and_the_remedy(env_id: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(EnvError) as error:
        make(env_id, **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
