"""RTFM as a tensor program: every copy is a row of a few integer tensors, and a turn is a handful of table look-ups."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from envs.base import BatchedEnv, EnvError, Expert, Field, Layout, Observation
from envs.lazy import LazyObservation
from envs.rtfm import board, deal, rules, words
from envs.rtfm.manual import NAME, TASK, WIKI, FixedManual, Manual, ParaphrasedManual
from envs.rtfm.options import Options
from envs.rtfm.splits import Large, Small, arrangements
from envs.streams import Streams
from envs.text import BertTokenizer, Tokenizer, WordTokenizer

SIZE = rules.SIDE + 2


class Board(NamedTuple):
    """All that an observation shows. Tensors are replaced, never changed, so a kept Board stays what it was."""

    cells: Tensor
    """int64 [n, 5]: cell of agent, target, distractor, good item, bad item; 16 = not on the board."""
    names: Tensor
    """int64 [n, 5]: their name numbers; 0 = not on the board."""
    held: Tensor
    """int64 [n]: name number of the held item; 0 = none."""
    wiki: Tensor
    wiki_len: Tensor
    task: Tensor
    task_len: Tensor


class Hidden(NamedTuple):
    """The rest of the true state; its tensors are replaced as well."""

    hands: Tensor
    """int64 [n]: 0 nothing held, 1 the good item, 2 the bad one."""
    items: Tensor
    """int64 [n, 3]: name numbers of nothing, the episode's good and its bad item."""
    plot: Tensor
    """int64 [n, 3]: team arrangement, modifier arrangement, number of the goal."""
    steps: Tensor
    """int64 [n]: turns played."""
    returns: Tensor
    """float32 [n]: sum of the rewards so far."""


class RTFM(BatchedEnv):
    """Copies of one stage and split, rtfm-s{1..4}-{train,test,fit,dev}; see the package's docstring.

    An observation may share memory with the next one: do not write into it.
    """

    def __init__(self, env_id: str, *, num_envs: int, device: torch.device, seed: int, options: Options) -> None:
        self.env_id, self.num_envs, self.device, self.options = env_id, num_envs, device, options
        stage, self._side = int(env_id.split("-")[1][1:]), env_id.split("-")[2]
        monsters, modifiers = (3, 4) if stage < 3 else (9, 8)
        self.monsters_move = stage > 1
        self.tokenizer = _tokenizer(options.tokenizer, options.tokenizer_files)
        self.layout = _layout(self.tokenizer, options.max_steps)

        self._split = Small() if stage < 3 else Large().to(device)
        style = ParaphrasedManual if stage == 4 else FixedManual
        self._manual: Manual = style(self.tokenizer, monsters, modifiers, options.goal).to(device)
        self._roles = deal.roles(monsters, modifiers).to(device)
        self._placements = deal.placements(options.start, options.items).to(device)
        self._nouns, self._modifiers = (
            table.to(device) for table in deal.slots(arrangements(monsters, 3), arrangements(modifiers, 4))
        )
        self._names = deal.NameTables(*(table.to(device) for table in deal.name_tables(self.tokenizer, NAME)))
        self._moves = rules.moves().flatten().to(device)
        self._chase = rules.chase().flatten().to(device)
        self._turns = rules.Turn(*(table.to(device) for table in rules.turns()))
        self._pictures = board.Pictures(*(table.to(device) for table in board.pictures()))

        self._ranges = torch.tensor(
            [
                len(self._placements),
                len(self._roles),
                self._split.sizes[self._side],
                *(() if options.redraw_text else self._manual.draws),
            ],
            device=device,
        )
        self._text_ranges = torch.tensor(self._manual.draws, device=device)
        self._contact_bits = (1 << torch.arange(6, device=device)).float()
        self._pair = torch.tensor([1, rules.OUTCOMES], device=device)
        self._identity = {"env_id": env_id, "num_envs": num_envs, **vars(options), "tokenizer": self.tokenizer.name}
        del self._identity["tokenizer_files"]  # where they lie changes nothing
        self._begun = False

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(num_envs, *shape, dtype=torch.int64, device=device)

        self.streams = Streams(seed, num_envs, device)
        self.board = Board(zeros(5), zeros(5), zeros(), zeros(WIKI), zeros(1), zeros(TASK), zeros(1))
        self.hidden = Hidden(zeros(), zeros(3), zeros(3), zeros(), zeros().float())
        self._reward = self.hidden.returns

    def reset(self) -> Observation:
        self._begun = True
        self._reward = torch.zeros_like(self._reward)
        self._deal(torch.arange(self.num_envs, device=self.device))
        if self.options.redraw_text:
            self._redraw()
        return self._observe(self.board)

    def step(self, actions: Tensor) -> tuple[Observation, Tensor, Tensor, dict[str, Any]]:
        before, hidden = self.board, self.hidden
        agent = self._walk(before.cells[:, 0], actions)
        monsters, first = self._prowl(before.cells) if self.monsters_move else (before.cells[:, 1:3], 0)
        touched = torch.cat([before.cells[:, 1:], monsters], dim=1) == agent[:, None]
        code = torch.mv(touched.float(), self._contact_bits).long() + hidden.hands * 128 + first
        gone = self._turns.gone.index_select(0, code)
        cells = torch.cat([agent[:, None], monsters, before.cells[:, 3:]], dim=1).masked_fill_(gone, rules.NOWHERE)
        hands = self._turns.hands.index_select(0, code)
        held = hidden.items.gather(1, hands[:, None])[:, 0]
        last = before._replace(cells=cells, names=before.names.masked_fill(gone, 0), held=held)

        steps = hidden.steps + 1
        over, won = self._turns.over.index_select(0, code), self._turns.won.index_select(0, code)
        done = over | (steps >= self.options.max_steps)
        reward = torch.where(done, won.float() * 2 - 1, self.options.time_penalty)
        returns = hidden.returns + reward
        info: dict[str, Any] = {
            "won": won,
            "episode_return": returns,
            "episode_length": steps,
            "truncated": done & ~over,
            "final_obs": LazyObservation(lambda: self._observe(last)),
        }
        self.board, self._reward = last, reward
        self.hidden = hidden._replace(hands=hands, steps=steps, returns=returns)
        rows = done.nonzero()[:, 0]
        if len(rows):
            self._deal(rows)
        if self.options.redraw_text:
            self._redraw()
        return self._observe(self.board), reward, done, info

    def _walk(self, agent: Tensor, actions: Tensor) -> Tensor:
        """int64 [n]: where the actions lead. Raises EnvError for what is no action."""
        self._require_reset()
        if actions.shape != (self.num_envs,) or actions.dtype != torch.int64:
            raise EnvError(
                f"{self.env_id}: actions are {actions.dtype} {tuple(actions.shape)}, "
                f"expected torch.int64 ({self.num_envs},)"
            )
        on_cpu = self.device.type == "cpu"  # there the look-up itself notices an action outside the table
        if not on_cpu and bool(((actions < 0) | (actions >= len(rules.ACTIONS))).any()):
            raise self._no_action(actions)
        try:
            return self._moves.index_select(0, actions * rules.CELLS + agent)
        except (IndexError, RuntimeError):
            raise self._no_action(actions) from None

    def _require_reset(self) -> None:
        if not self._begun:
            raise EnvError(f"{self.env_id}: no episode has begun; call reset() first")

    def _no_action(self, actions: Tensor) -> EnvError:
        return EnvError(
            f"{self.env_id}: actions reach from {int(actions.min())} to {int(actions.max())}, "
            f"expected 0 to {len(rules.ACTIONS) - 1} ({', '.join(rules.ACTIONS)})"
        )

    def _prowl(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Both monsters' destinations, int64 [n, 2], and the turn code's bit for who comes first, int64 [n]."""
        number = self.streams.integers(2 * rules.OUTCOMES**2)
        outcome = number // self._pair % rules.OUTCOMES
        index = (cells[:, :1] * rules.CELLS + cells[:, 1:3]) * rules.OUTCOMES + outcome
        return self._chase.index_select(0, index.flatten()).view(-1, 2), number[:, 0] // rules.OUTCOMES**2 * 64

    def _deal(self, rows: Tensor) -> None:
        """Start the next episode of the copies ``rows`` (int64)."""
        self.streams.next_episode(rows)
        numbers = self.streams.integers(self._ranges, len(self._ranges), rows)
        cells = self._placements.index_select(0, numbers[:, 0])
        team, modifier = self._split.assignment(numbers[:, 2], self._side)
        entries = torch.cat([self._nouns.index_select(0, team), self._modifiers.index_select(0, modifier)], dim=1)
        cast = self._roles.index_select(0, numbers[:, 1])
        names = cast[:, :5] + entries.gather(1, cast[:, 5:10])
        items = torch.cat([torch.zeros_like(names[:, :1]), names[:, 3:]], dim=1)
        if self.options.goal == "monster":
            goal = (names[:, 1] - deal.MONSTER_NAMES) % len(words.MONSTERS)
        else:
            goal = cast[:, 10]
        if not self.options.items:
            cells[:, 3:], names[:, 3:] = rules.NOWHERE, 0
        hands = torch.full_like(rows, 0 if self.options.items else 1)
        held = items[:, 0] if self.options.items else items[:, 1]
        if self.options.redraw_text:
            text = tuple(field.index_select(0, rows) for field in self.board[3:])
        else:
            text = self._manual.write(team, modifier, goal, numbers[:, 3:])

        begun = Board(cells, names, held, *text)
        self.board = Board(*(old.index_copy(0, rows, new) for old, new in zip(self.board, begun, strict=True)))
        zero = torch.zeros_like(rows)
        hidden = Hidden(hands, items, torch.stack([team, modifier, goal], dim=1), zero, zero.float())
        self.hidden = Hidden(*(old.index_copy(0, rows, new) for old, new in zip(self.hidden, hidden, strict=True)))

    def _redraw(self) -> None:
        """New wording and order in every copy, for the observation about to be returned."""
        numbers = self.streams.integers(self._text_ranges, len(self._text_ranges))
        team, modifier, goal = self.hidden.plot.unbind(1)
        self.board = Board(*self.board[:3], *self._manual.write(team, modifier, goal, numbers))

    def _observe(self, now: Board) -> Observation:
        n, pictures = self.num_envs, self._pictures
        where = pictures.square.index_select(0, now.cells.flatten()).view(n, 5)
        seen = pictures.walls.expand(n, -1).clone().scatter_reduce_(1, where, now.names, "amax").flatten()
        agent = now.cells[:, 0]
        return {
            "name": self._names.tokens.index_select(0, seen).view(n, SIZE, SIZE, 1, NAME),
            "name_len": self._names.length.index_select(0, seen).view(n, SIZE, SIZE, 1),
            "wiki": now.wiki,
            "wiki_len": now.wiki_len,
            "task": now.task,
            "task_len": now.task_len,
            "inv": self._names.held.index_select(0, now.held),
            "inv_len": self._names.held_length.index_select(0, now.held)[:, None],
            "valid": pictures.valid.index_select(0, agent),
            "rel_pos": pictures.relative.index_select(0, agent),
            "pos": pictures.position.index_select(0, agent),
        }

    def expert(self) -> Expert:
        """The exact planner (planner.py) over the true state; it needs no observation."""
        from envs.rtfm.planner import plan

        policy = plan(self.monsters_move).to(self.device)
        return lambda _: policy.act(self.board.cells, self.hidden.hands)

    def describe(self, index: int = 0) -> str:
        self._require_reset()
        if not 0 <= index < self.num_envs:
            raise EnvError(f"{self.env_id} has no copy {index}, expected 0 to {self.num_envs - 1}")
        now = Board(*(field[index] for field in self.board))
        shown = {"manual": now.wiki, "goal": now.task, "holding": self._names.held[now.held]}
        texts = {name: self.tokenizer.decode(tokens.tolist()) for name, tokens in shown.items()}
        if not int(now.held):
            texts["holding"] = "nothing"
        head = (
            f"{self.env_id}, episode {int(self.streams.episode[index])}, turn {int(self.hidden.steps[index])} of "
            f"{self.options.max_steps}, last reward {float(self._reward[index]):+.2f}"
        )
        return board.render(head, texts, now.cells.tolist(), now.names.tolist())

    def state_dict(self) -> dict[str, Any]:
        return {
            "identity": dict(self._identity),
            "board": {name: field.clone() for name, field in self.board._asdict().items()},
            "hidden": {name: field.clone() for name, field in self.hidden._asdict().items()},
            "reward": self._reward.clone(),
            "streams": self.streams.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> Observation:
        for name, mine in self._identity.items():
            if state["identity"][name] != mine:
                raise EnvError(
                    f"{self.env_id}: the saved state has {name} {state['identity'][name]!r}, expected {mine!r}"
                )

        def here(saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: tensor.to(self.device, copy=True) for name, tensor in saved.items()}

        self.board, self.hidden = Board(**here(state["board"])), Hidden(**here(state["hidden"]))
        self._reward = state["reward"].to(self.device, copy=True)
        self.streams.load_state_dict(state["streams"])
        self._begun = bool((self.streams.episode > 0).any())
        return self._observe(self.board)


@cache
def _tokenizer(name: str, files: str | None) -> Tokenizer:
    return WordTokenizer(words.every_text(), "rtfm") if name == "words" else BertTokenizer(files)


def _layout(tokenizer: Tokenizer, max_steps: int) -> Layout:
    integer, real, top = torch.int64, torch.float32, tokenizer.vocabulary - 1
    observation = {
        "name": Field((SIZE, SIZE, 1, NAME), integer, "name of what is seen in each cell (row, column)", 0, top),
        "name_len": Field((SIZE, SIZE, 1), integer, "its number of tokens", 0, NAME),
        "wiki": Field((WIKI,), integer, "the manual", 0, top),
        "wiki_len": Field((1,), integer, "its number of tokens", 0, WIKI),
        "task": Field((TASK,), integer, "the goal", 0, top),
        "task_len": Field((1,), integer, "its number of tokens", 0, TASK),
        "inv": Field((NAME,), integer, "name of the held item", 0, top),
        "inv_len": Field((1,), integer, "its number of tokens", 0, NAME),
        "valid": Field((len(rules.ACTIONS),), real, "0 where an action steps into the wall"),
        "rel_pos": Field((SIZE, SIZE, 2), real, "(column, row) of each cell minus the agent's, divided by 6", -1, 1),
        "pos": Field((2,), integer, "(row, column) of the agent, (0, 0) when dead", 0, SIZE - 1),
    }
    return Layout(
        observation=observation,
        actions=rules.ACTIONS,
        texts=("wiki", "task", "inv"),
        descriptions=("wiki", "task"),
        grid="name",
        grid_vocab=None,
        vocabulary=tokenizer.vocabulary,
        tokenizer=tokenizer.name,
        blank=tokenizer.blank,
        max_steps=max_steps,
    )
