"""The planner of the moving stages: its scores against a plain solver's, its walks, and how often it wins."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import torch
from torch import Tensor

import envs
from envs.messenger.engine import CHASER, FLEEING, IMMOVABLE, OUTCOMES, Engine, touching
from envs.messenger.moving import Cell, MessengerStage3
from envs.messenger.pairs import DISCOUNT, LOOKAHEAD
from envs.messenger.planner import Planner

torch.set_num_threads(1)  # tests run side by side
CPU = torch.device("cpu")
CELLS = MessengerStage3.cells(10)
UP, DOWN, LEFT, RIGHT, STAY = range(5)
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1), (0, 0))
Thing = tuple[int, Cell, bool]
"""Movement, position and whether it is lethal."""


def square(side: int) -> list[Cell]:
    return [(row, column) for row in range(side) for column in range(side)]


def planner() -> Planner:
    return Planner(10, torch.tensor(CELLS), CPU)


def scores(avatar: Cell, *things: Thing) -> list[float]:
    """The actions' scores where the first thing is the target; a far harmless one stands beside it."""
    movements, positions, lethal = zip(*things, (IMMOVABLE, (18, 10), False), strict=True)
    asked = [torch.tensor([part]) for part in (avatar, positions, movements, lethal, 0)]
    worth: list[float] = planner().scores(*asked)[0].tolist()
    return worth


def test_a_contact_in_this_step_is_worth_one_and_every_step_of_delay_costs() -> None:
    """The target stands two cells to the right."""
    away = DISCOUNT**3
    worth = scores((8, 6), (IMMOVABLE, (8, 10), False))
    assert worth == pytest.approx([away, away, away, DISCOUNT, DISCOUNT**2], abs=1e-5)
    assert scores((8, 8), (IMMOVABLE, (8, 10), False))[RIGHT] == pytest.approx(1)


def test_a_chasing_target_comes_half_way() -> None:
    """It starts five half cells to the right; a step towards it or a wait leaves few enough for the next one."""
    worth = scores((8, 8), (CHASER, (8, 13), False))
    assert worth[RIGHT] == pytest.approx(DISCOUNT, abs=1e-5)
    assert worth[STAY] == pytest.approx(DISCOUNT, abs=1e-5)
    assert worth[LEFT] == pytest.approx(DISCOUNT**2, abs=1e-5)


def test_a_fleeing_target_in_a_corner_is_caught_for_certain_from_the_next_cell() -> None:
    """Its move along the wall, one in three, does not take it out of reach."""
    assert scores((0, 2), (FLEEING, (0, 0), False))[LEFT] == pytest.approx(1)


def test_a_lethal_chaser_that_may_arrive_with_the_avatar_halves_the_worth() -> None:
    """Seen from the avatar it is two half cells down and three right: of its two moves one ends at the target."""
    worth = scores((8, 8), (IMMOVABLE, (8, 10), False), (CHASER, (10, 11), True))
    assert worth[RIGHT] == pytest.approx(0.5)


def test_a_lethal_chaser_two_half_cells_away_touches_who_waits() -> None:
    worth = scores((8, 6), (IMMOVABLE, (8, 10), False), (CHASER, (8, 8), True))
    assert worth[STAY] == worth[RIGHT] == 0
    assert min(worth[UP], worth[DOWN], worth[LEFT]) > 0.8


def test_harmless_things_are_ignored() -> None:
    target = (IMMOVABLE, (8, 10), False)
    assert scores((8, 6), target, (CHASER, (8, 8), False)) == scores((8, 6), target)


def ways(side: int, movement: int, avatar: Cell, thing: Cell) -> list[Cell]:
    """Where a thing may come to, each equally likely, in the words of the specification."""
    if movement == IMMOVABLE:
        return [thing]
    moved = [(thing[0] + down, thing[1] + right) for down, right in MOVES[:4]]
    distance = [abs(row - avatar[0]) + abs(column - avatar[1]) for row, column in (*moved, thing)]
    wanted = [d < distance[4] if movement == CHASER else d > distance[4] for d in distance[:4]]
    chosen = [way for way, want in zip(moved, wanted, strict=True) if want or not any(wanted)]
    return [way if min(way) >= 0 and max(way) < 2 * side - 1 else thing for way in chosen]


class Plain:
    """A board of ``side`` cells with two things, solved without symmetries: every table is [cells, points, points]."""

    def __init__(self, side: int) -> None:
        self.points = square(2 * side - 1)
        self.cells = square(side)
        self.after = [
            [
                self.cells.index(to) if (to := (row + down, column + right)) in self.cells else cell
                for down, right in MOVES
            ]
            for cell, (row, column) in enumerate(self.cells)
        ]
        self.move = np.zeros((3, len(self.cells), len(self.points), len(self.points)))
        self.near = np.zeros((len(self.cells), len(self.points)), dtype=bool)
        for cell, (row, column) in enumerate(self.cells):
            for number, point in enumerate(self.points):
                self.near[cell, number] = max(abs(point[0] - 2 * row), abs(point[1] - 2 * column)) <= 1
                for movement in (CHASER, FLEEING, IMMOVABLE):
                    outcomes = ways(side, movement, (2 * row, 2 * column), point)
                    for outcome in outcomes:
                        self.move[movement, cell, number, self.points.index(outcome)] += 1 / len(outcomes)

    def actions(self, value: np.ndarray, first: int, second: int) -> np.ndarray:
        """The expectation of a table by action: [cells, 5, points, points]."""
        to = value[np.array(self.after)]
        return np.asarray(self.move[first][:, None] @ to @ self.move[second][:, None].swapaxes(-1, -2))

    def solved(
        self, value: np.ndarray, first: int, second: int, lethal: bool, prize: float, discount: float, turns: int
    ) -> np.ndarray:
        for turn in range(turns + 1):
            if turn:
                value = discount * self.actions(value, first, second).max(1)
            value = np.where(self.near[:, :, None], prize, value)
            value = np.where(self.near[:, None] & lethal, 0, value)
        return value

    def alone(self, goal: int) -> np.ndarray:
        nothing = np.zeros((len(self.cells), len(self.points), len(self.points)))
        return self.solved(nothing, goal, IMMOVABLE, False, 1, DISCOUNT, 400)

    def unharmed(self, goal: int, other: int) -> np.ndarray:
        return self.solved(self.alone(goal), goal, other, True, 1, DISCOUNT, LOOKAHEAD)


@pytest.fixture(scope="module")
def plain() -> Plain:
    return Plain(3)


def asked(plain: Plain, spots: list[int], movements: list[int], lethal: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """The planner's scores for every state of a small board, [states, 5], and the states, [states, 1 + things].

    A state is the numbers of the avatar's cell and of the things' points; immovable things stand on ``spots`` only.
    """
    every = [spots if movement == IMMOVABLE else range(len(plain.points)) for movement in movements]
    states = torch.tensor(list(product(range(len(plain.cells)), *every)))
    things = torch.tensor(plain.points)[states[:, 1:]]
    rows = len(states)
    answer = Planner(3, torch.tensor([[0, 2], [2, 0]]), CPU).scores(
        torch.tensor(plain.cells)[states[:, 0]] * 2,
        things,
        torch.tensor(movements).expand(rows, -1),
        torch.tensor(lethal).expand(rows, -1),
        torch.zeros(rows, dtype=torch.int64),
    )
    return answer.numpy(), states.numpy()


@pytest.mark.parametrize("goal", [CHASER, FLEEING, IMMOVABLE])
@pytest.mark.parametrize("other", [CHASER, FLEEING, IMMOVABLE])
def test_with_one_lethal_thing_the_scores_are_the_solution(plain: Plain, goal: int, other: int) -> None:
    spots = [plain.points.index(spot) for spot in ((0, 4), (4, 0))]
    answer, states = asked(plain, spots, [goal, other], [False, True])
    expected = plain.actions(plain.unharmed(goal, other), goal, other)
    cell, first, second = states.T
    assert np.abs(answer - expected[cell, :, first, second]).max() < 1e-4


def test_with_two_lethal_chasers_the_solutions_are_joined(plain: Plain) -> None:
    spots = [plain.points.index(spot) for spot in ((0, 4), (4, 0))]
    answer, states = asked(plain, spots, [IMMOVABLE, CHASER, CHASER], [False, True, True])
    alone = plain.actions(plain.alone(IMMOVABLE), IMMOVABLE, IMMOVABLE)
    unharmed = plain.actions(plain.unharmed(IMMOVABLE, CHASER), IMMOVABLE, CHASER)
    survival = np.ones((len(plain.cells), len(plain.points), len(plain.points)))
    escape = plain.actions(plain.solved(survival, CHASER, CHASER, True, 0, 1, LOOKAHEAD), CHASER, CHASER)
    cell, goal, one, other = states.T
    expected = unharmed[cell, :, goal, one] * unharmed[cell, :, goal, other] / alone[cell, :, goal, 0]
    assert np.abs(answer - expected * escape[cell, :, one, other]).max() < 1e-4


def walked(
    avatar: Tensor, things: Tensor, movements: Tensor, lethal: Tensor, target: Tensor, limit: int
) -> tuple[Tensor, Tensor]:
    """Plays until the target or a lethal thing is touched: the steps it took, int64 [n], and whether it lived."""
    engine, generator = Engine(10, CPU), torch.Generator().manual_seed(0)
    steps = torch.zeros_like(target)
    lived, running = torch.zeros_like(target, dtype=torch.bool), torch.ones_like(target, dtype=torch.bool)
    for _ in range(limit):
        action = planner().act(avatar, things, movements, lethal, target)
        outcomes = torch.randint(OUTCOMES, movements.shape, generator=generator)
        things = engine.moved(things, movements, avatar, outcomes)
        avatar = engine.walk(avatar, action)
        steps += running
        touched = touching(avatar, things)
        dead = (touched & lethal).any(1)
        reached = touched.gather(1, target[:, None])[:, 0]
        lived |= running & reached & ~dead
        running &= ~reached & ~dead
    return steps, lived


def shortest(start: Cell, target: Cell, blocked: set[Cell]) -> int:
    """Steps from cell to cell around the blocked ones."""
    reached, steps = {start}, 0
    while target not in reached:
        further = {(row + down, column + right) for row, column in reached for down, right in MOVES}
        reached = {cell for cell in further if min(cell) >= 0 and max(cell) < 10} - blocked
        steps += 1
    return steps


def test_it_walks_shortest_ways_around_things_that_stand() -> None:
    """From every cell to every start cell, with four of the others blocked."""
    cases = []
    for target in CELLS:
        for blocked in combinations([cell for cell in CELLS if cell != target], 4):
            for start in square(10):
                if start != target and start not in blocked:
                    cases.append((start, target, blocked))
    count = len(cases)
    things = torch.tensor([[target, *blocked] for _, target, blocked in cases]) * 2
    lethal = torch.tensor([False, True, True, True, True]).expand(count, -1)
    movements = torch.full((count, 5), IMMOVABLE)
    avatar = torch.tensor([start for start, _, _ in cases]) * 2
    steps, lived = walked(avatar, things, movements, lethal, torch.zeros(count, dtype=torch.int64), 30)
    assert lived.all()
    assert steps.tolist() == [shortest(start, target, set(blocked)) for start, target, blocked in cases]


def test_it_catches_what_flees_past_a_thing_that_kills() -> None:
    generator = torch.Generator().manual_seed(1)
    where = torch.tensor(CELLS)[torch.rand(500, 6, generator=generator).argsort(1)[:, :3]] * 2
    movements = torch.tensor([FLEEING, IMMOVABLE]).expand(500, -1)
    lethal = torch.tensor([False, True]).expand(500, -1)
    steps, lived = walked(where[:, 0], where[:, 1:], movements, lethal, torch.zeros(500, dtype=torch.int64), 64)
    assert lived.all()
    assert steps.float().mean() < 12


def test_of_equal_actions_it_takes_the_first() -> None:
    """The target stands up and left of the avatar: both ways are equally short."""
    things = torch.tensor([[[8, 10], [18, 10]]])
    movements, lethal = torch.full((1, 2), IMMOVABLE), torch.zeros(1, 2, dtype=torch.bool)
    assert planner().act(torch.tensor([[12, 14]]), things, movements, lethal, torch.tensor([0])).tolist() == [UP]


def test_neither_the_order_of_things_nor_that_of_copies_matters() -> None:
    generator = torch.Generator().manual_seed(2)
    count = 2000
    movements = torch.randint(3, (count, 5), generator=generator)
    anywhere = torch.randint(19, (count, 5, 2), generator=generator)
    start = torch.tensor(CELLS)[torch.randint(6, (count, 5), generator=generator)] * 2
    things = torch.where((movements == IMMOVABLE)[..., None], start, anywhere)
    avatar = torch.randint(10, (count, 2), generator=generator) * 2
    target = torch.randint(5, (count,), generator=generator)
    lethal = (torch.rand(count, 5, generator=generator) < 0.6).scatter(1, target[:, None], False)
    actions = planner().act(avatar, things, movements, lethal, target)

    order = torch.rand(count, 5, generator=generator).argsort(1)
    place = order.argsort(1).gather(1, target[:, None])[:, 0]
    moved = things.gather(1, order[..., None].expand(-1, -1, 2))
    again = planner().act(avatar, moved, movements.gather(1, order), lethal.gather(1, order), place)
    assert torch.equal(again, actions)

    rows = torch.rand(count, generator=generator).argsort()
    again = planner().act(avatar[rows], things[rows], movements[rows], lethal[rows], target[rows])
    assert torch.equal(again, actions[rows])


@pytest.mark.parametrize(
    ("env_id", "bound", "steps"),
    [
        ("messenger-s2-train", 0.995, 15.5),
        ("messenger-s2-val", 0.995, 15.5),
        ("messenger-s2-test", 0.995, 15.5),
        ("messenger-s2-test-se", 0.995, 15.5),
        ("messenger-s3-train", 0.99, 17),
        ("messenger-s3-test", 0.99, 17),
    ],
)
def test_how_often_it_wins(env_id: str, bound: float, steps: float) -> None:
    """Against .97 in stage 2 and .78 in stage 3 of a walker that looks one step ahead (env_messenger.md §11)."""
    env = envs.make(env_id, num_envs=1000, seed=0)
    obs, expert = env.reset(), env.expert()
    ended, won = torch.zeros(1000, dtype=torch.bool), torch.zeros(1000, dtype=torch.bool)
    length = torch.zeros(1000)
    while not bool(ended.all()):
        obs, _, done, info = env.step(expert(obs))
        first = done & ~ended
        won |= first & info["won"]
        length = torch.where(first, info["episode_length"].float(), length)
        ended |= done
    assert won.float().mean() >= bound
    assert length.mean() <= steps
