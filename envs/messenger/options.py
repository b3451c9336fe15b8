"""What can be set about a Messenger game; the defaults are the game as SILG meant it."""

from __future__ import annotations

from dataclasses import dataclass, field

from envs.base import EnvError
from envs.messenger.games import ENTITIES
from envs.messenger.wording import WORDINGS
from envs.options import FLAG, PROBABILITY, TextOptions, number, one_of, whole

SMALLEST_BOARD = 5


@dataclass(frozen=True)
class Options(TextOptions):
    """Environment options; those under "Reductions" make the task easier and serve small presets only."""

    max_steps: int = field(default=6, metadata=whole(1))
    """The episode ends with -1 after this step. SILG means 6 but cuts after 81; Messenger's scripts say 4, LDD's 10."""
    time_penalty: float = field(default=-0.02, metadata=number(-1, 0, "a number from -1 to 0"))
    """Reward of every step that does not end the episode: SILG's trainer. Messenger and LDD: 0."""
    message_probability: float = field(default=0.2, metadata=PROBABILITY)
    """How often the avatar starts with the message, so that the goal is the thing to touch."""
    multi_combination: float = field(default=0.75, metadata=PROBABILITY)
    """Share of multi-combination games in train and fit with 12 entities, the only mixtures. LDD's scripts: 0.5."""
    shuffle_manual: bool = field(default=True, metadata=FLAG)
    """False: the fields enemy, key and goal hold the sentences of the enemy, the message and the goal."""

    # Reductions.
    board: int = field(default=10, metadata=whole(SMALLEST_BOARD))
    """Cells a side. The things stay two cells from the centre, so a smaller board only leaves less room to stray."""
    entities: int = field(default=len(ENTITIES), metadata=one_of(len(ENTITIES), 6))
    """6: the 120 games of the first six entities, cut into splits by a rule of ours (games_v1.json)."""
    wording: str = field(default="full", metadata=one_of(*WORDINGS))
    """"plain": short sentences with few synonyms and role phrases."""

    def check_together(self, env_id: str) -> None:
        super().check_together(env_id)
        if self.entities != len(ENTITIES) and env_id.endswith(("-mc", "-sc")):
            raise EnvError(
                f"{env_id} is a part of the games of {len(ENTITIES)} entities; "
                f"with entities={self.entities} train on 'messenger-s1-train'"
            )
