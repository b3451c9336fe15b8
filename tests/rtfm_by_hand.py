"""One turn of RTFM in plain Python, written from env_rtfm.md §7, §9 and §10 one after the other: the oracle.

Nothing here knows of tables. Cells are (row, column) in the 4x4 interior; the monsters' planned moves are given.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Cell = tuple[int, int]
MOVES: dict[str, Cell] = {"stay": (0, 0), "up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def inside(cell: Cell) -> bool:
    return 0 <= cell[0] < 4 and 0 <= cell[1] < 4


@dataclass
class Room:
    """Positions of what is on the board ("agent", "target", "distractor", "good", "bad") and what is held."""

    where: dict[str, Cell]
    held: str | None = None
    dead: list[str] = field(default_factory=list)

    def turn(self, action: str, plans: dict[str, Cell], order: tuple[str, str]) -> None:
        """The agent moves first, then the monsters in ``order`` to where they had planned to go."""
        row, column = self.where["agent"]
        goal = (row + MOVES[action][0], column + MOVES[action][1])
        self._move("agent", goal if inside(goal) else (row, column), order)
        for monster in order:
            if monster in self.where:
                self._move(monster, plans[monster], order)

    def _move(self, mover: str, cell: Cell, order: tuple[str, str]) -> None:
        if mover not in self.where:
            return
        self.where[mover] = cell
        if self.where.get("agent") != cell:
            return
        for item in ("good", "bad"):
            if self.where.get(item) == cell:
                self.held = item
                del self.where[item]
        for monster in order:
            if self.where.get(monster) == cell and "agent" in self.where:
                self._fight(monster)

    def _fight(self, monster: str) -> None:
        weakness = {"target": "good", "distractor": "bad"}[monster]
        loser = monster if self.held == weakness else "agent"
        del self.where[loser]
        self.dead.append(loser)

    @property
    def over(self) -> bool:
        return bool(self.dead)

    @property
    def won(self) -> bool:
        return "target" in self.dead and "agent" not in self.dead
