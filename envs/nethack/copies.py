"""Some of an environment's copies, played one after the other; what they show goes to the board."""

from __future__ import annotations

from pathlib import Path

from envs.base import EnvError
from envs.nethack.board import SCREEN, Board, write_reason
from envs.nethack.game import Game, Screens, Setup, Turn
from envs.nethack.players import Bot, Player, PlayerFailed, described


class Copies:
    """The copies ``rows`` of ``board``. Its public methods are the commands that a worker process obeys."""

    def __init__(self, board: Board, rows: range, setup: Setup, player: Player | None, record_to: Path | None) -> None:
        self._board, self._rows, self._setup, self._player, self._record_to = board, rows, setup, player, record_to
        self._games: dict[int, Game] = {}
        self._screens: dict[int, Screens] = {}
        self._bots: dict[int, Bot] = {}
        self._failed: dict[int, str] = {}

    def reset(self) -> None:
        """Every copy begins its next game."""
        for row in self._rows:
            self._begin(row)

    def step(self) -> None:
        """Every copy plays its ``action``; where that ended the game, it begins the next one.

        Where a copy's player has failed, the game ends as it is, cut, whatever the action.
        """
        board = self._board
        for row in self._rows:
            if board["idle"][row]:
                board["reward"][row], board["done"][row] = 0.0, False
                continue
            game = self._games[row]
            failed = self._failed.get(row, "")
            turn = Turn(self._screens[row], 0.0, True, False, True) if failed else game.play(int(board["action"][row]))
            board["reward"][row], board["done"][row] = turn.reward, turn.done
            board["won"][row], board["truncated"][row] = turn.won, turn.truncated
            board["total"][row] += turn.reward
            board["length"][row], board["score"][row], board["depth"][row] = game.length, game.score, game.depth
            board["turns"][row] = game.turns
            self._show(row, turn.screens)
            if turn.done:
                write_reason(board, row, failed)
                for name in SCREEN:
                    board[f"final_{name}"][row] = board[name][row]
                self._begin(row)

    def advise(self) -> None:
        """Every copy's scripted player says what it would do, or fails."""
        for row, bot in self._bots.items():
            if row in self._failed:
                continue
            try:
                self._board["advice"][row] = bot.act(self._screens[row])
            except EnvError:
                raise
            except PlayerFailed as failure:
                self._failed[row] = str(failure)
            except Exception as error:
                self._failed[row] = f"the player failed with {described(error)}"

    def close(self) -> None:
        for game in self._games.values():
            game.close()
        self._games, self._bots = {}, {}

    def _begin(self, row: int) -> None:
        board = self._board
        self._failed.pop(row, None)
        if not board["more"][row]:
            board["idle"][row] = True
            self._bots.pop(row, None)
            if row in self._games:
                self._games.pop(row).close()
            return
        if row not in self._games:
            self._games[row] = Game(self._setup, None if self._record_to is None else self._record_to / str(row))
        core, disp, lgen, seed = board["seeds"][row].tolist()
        self._show(row, self._games[row].start(core, disp, lgen))
        if self._player is not None:
            self._bots[row] = self._player.bot(seed)

    def _show(self, row: int, screens: Screens) -> None:
        for name in SCREEN:
            self._board[name][row] = screens[name]
        self._screens[row] = screens
