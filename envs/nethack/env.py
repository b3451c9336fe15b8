"""Copies of NetHack as one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from envs.base import BatchedEnv, EnvError, Expert, Observation
from envs.nethack.board import SCREEN, SEEDS, new_board, reasons
from envs.nethack.layout import nethack_layout
from envs.nethack.options import Options
from envs.nethack.players import Player, player
from envs.nethack.playing import Plays, players
from envs.nethack.screen import draw
from envs.streams import Streams

_NOT_NEGATIVE = (1 << 63) - 1


class NetHack(BatchedEnv):
    """The first ``reset`` starts the processes that play; ``close``, or the end of this object, ends them.

    A game in which its expert fails ends with the next step, and ``info["failed"]`` says why: a list of texts,
    meaningful where done, empty for all other games.
    """

    def __init__(self, env_id: str, options: Options, num_envs: int, device: torch.device, seed: int) -> None:
        self.env_id, self.num_envs, self.device, self.options = env_id, num_envs, device, options
        self.layout = nethack_layout(env_id, options)
        self._identity = {"env_id": env_id, "num_envs": num_envs, **vars(options)}
        for name in ("processes", "record_to"):  # they change no game
            del self._identity[name]
        self._arrays = new_board(num_envs)
        self._board = {name: torch.from_numpy(array) for name, array in self._arrays.items()}
        self._valid = torch.ones(num_envs, self.layout.num_actions, device=device)
        self._rows = torch.arange(num_envs)
        self._streams = Streams(seed, options.games or num_envs, torch.device("cpu"))
        self._dealt = torch.zeros_like(self._rows)
        self._deal(self._rows)
        self._player: Player | None = None
        self._playing: Plays | None = None
        self._advised = False

    @property
    def idle(self) -> Tensor:
        """bool [num_envs]: the copies that have played all their ``games``; nothing changes there any more."""
        return self._board["idle"].clone()

    def reset(self) -> Observation:
        if self._playing is None:
            self._playing = players(self.env_id, self.options, self._arrays, self._player)
        self._playing.call("reset")
        self._restarted(self._rows)
        return self._shown()

    def step(self, actions: Tensor) -> tuple[Observation, Tensor, Tensor, dict[str, Any]]:
        playing = self._require_reset()
        self._arrays["action"][:] = self._checked(actions)
        playing.call("step")
        observation = self._shown()
        info: dict[str, Any] = {
            "won": self._out("won"),
            "episode_return": self._out("total", np.float32),
            "episode_length": self._out("length"),
            "truncated": self._out("truncated"),
            "score": self._out("score", np.float32),
            "depth": self._out("depth"),
            "turns": self._out("turns"),
            "failed": [""] * self.num_envs,
            "final_obs": observation,
        }
        if self._arrays["done"].any():
            ended = self._board["done"].nonzero().squeeze(1)
            info["final_obs"], info["failed"] = self._final(ended), reasons(self._arrays)
            self._restarted(ended)
        return observation, self._out("reward", np.float32), self._out("done"), info

    def expert(self) -> Expert:
        if self.env_id != "nethack-challenge":
            raise EnvError(
                f"{self.env_id} has no expert, since the scripted players use the whole keyboard; "
                "make nethack-challenge for demonstrations"
            )
        if self._player is None:
            if self._playing is not None:
                raise EnvError(f"{self.env_id}: ask for expert() before the first reset(); games keep what it reads")
            self._player = player(self.options.player)

        def advice(_observation: Observation) -> Tensor:
            playing = self._require_reset()
            if not self._advised:
                playing.call("advise")
                self._advised = True
            return self._out("advice")

        return advice

    def describe(self, index: int = 0) -> str:
        self._require_reset()
        if not 0 <= index < self.num_envs:
            raise EnvError(f"{self.env_id} has no copy {index}, expected 0 to {self.num_envs - 1}")
        board = self._board
        state = (
            f"episode {int(self._dealt[index]) - 1}, step {int(board['length'][index])} of {self.options.max_steps}, "
            f"return {float(board['total'][index]):+.3f}"
        )
        head = f"{self.env_id}, copy {index}, {'all its games are played' if board['idle'][index] else state}"
        text = (bytes(line).decode("latin-1") for line in self._arrays["tty_chars"][index])
        lines = ["".join(char if char.isprintable() else " " for char in line).rstrip() for line in text]
        return f"{head}\n\n" + "\n".join(lines)

    def state_dict(self) -> dict[str, Any]:
        dealt = {name: self._board[name].clone() for name in ("seeds", "more")}
        return {
            "identity": dict(self._identity),
            "streams": self._streams.state_dict(),
            "dealt": self._dealt.clone(),
            **dealt,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> Observation:
        """Starts the next episode in every copy: games of NetHack cannot be saved.

        Raises EnvError for the state of another environment (id, options that change games, or number of copies).
        """
        theirs = state.get("identity", {})
        for name, mine in self._identity.items():
            if theirs.get(name) != mine:
                raise EnvError(f"the saved state has {name} {theirs.get(name)!r}, this environment {mine!r}")
        self._streams.load_state_dict(state["streams"])
        self._dealt.copy_(state["dealt"])
        for name in ("seeds", "more"):
            self._board[name].copy_(state[name])
        return self.reset()

    def close(self) -> None:
        """End all games, so that recordings are whole, and all processes. Nothing can be played afterwards."""
        if self._playing is not None:
            self._playing.close()

    def _deal(self, rows: Tensor) -> None:
        """Fix the seeds of the next game of these copies, if they have one."""
        if self.options.games is None:
            streams, more = rows, torch.ones_like(rows, dtype=torch.bool)
        else:
            streams = rows + self._dealt[rows] * self.num_envs
            more = streams < self.options.games
        self._dealt[rows] += 1
        self._board["more"][rows] = more
        rows, streams = rows[more], streams[more]
        self._streams.next_episode(streams)
        self._board["seeds"][rows] = self._streams.bits(len(SEEDS), streams) & _NOT_NEGATIVE

    def _restarted(self, rows: Tensor) -> None:
        """Games have begun in these copies."""
        self._board["total"][rows], self._board["length"][rows] = 0.0, 0
        self._deal(rows)

    def _shown(self) -> Observation:
        self._advised = False
        return self._observation({name: self._out(name) for name in SCREEN})

    def _final(self, ended: Tensor) -> Observation:
        screens = {name: self._board[name].clone() for name in SCREEN}
        for name, screen in screens.items():
            screen[ended] = self._board[f"final_{name}"][ended]
        return self._observation({name: screen.to(self.device) for name, screen in screens.items()})

    def _observation(self, screens: Observation) -> Observation:
        image = {"screen_image": draw(screens)} if self.options.image else {}
        return {**screens, "valid": self._valid, **image}

    def _out(self, name: str, dtype: type[np.generic] | None = None) -> Tensor:
        """A field of the board as a tensor of its own."""
        array = self._arrays[name]
        return torch.from_numpy(array.astype(dtype or array.dtype)).to(self.device)

    def _require_reset(self) -> Plays:
        if self._playing is None:
            raise EnvError(f"{self.env_id}: nothing is there before the first reset()")
        return self._playing

    def _checked(self, actions: Tensor) -> npt.NDArray[np.int64]:
        if actions.shape != (self.num_envs,) or actions.dtype != torch.int64:
            got = f"{actions.dtype} {list(actions.shape)}"
            raise EnvError(f"{self.env_id}: actions are {got}, expected torch.int64 [{self.num_envs}]")
        numbers: npt.NDArray[np.int64] = actions.cpu().numpy()
        for wrong in (numbers.min(), numbers.max()):
            if not 0 <= wrong < self.layout.num_actions:
                last = self.layout.num_actions - 1
                raise EnvError(f"{self.env_id}: there is no action {wrong}; there are 0 to {last}")
        return numbers
