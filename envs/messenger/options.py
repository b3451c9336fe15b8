"""What can be set about a Messenger game; stage 1 is as SILG meant it, stages 2 and 3 as the game does."""

from __future__ import annotations

from dataclasses import dataclass, field

from envs.base import EnvError
from envs.messenger.games import ENTITIES
from envs.messenger.wording import WORDINGS
from envs.options import FLAG, PROBABILITY, TextOptions, number, one_of, whole

FULL_BOARD = 10
SMALLEST_BOARD = 5
HUMAN = "human"
DATA_DIR = "package:messenger/envs/texts"

_VIEW = one_of("silg", "emma")
_VOCABULARY = one_of("stage", "family")
_LIMIT = whole(1)
_PENALTY = number(-1, 0, "a number from -1 to 0")
_FOLDER = {
    "expected": "a folder, as a path or as package:PACKAGE/PATH",
    "holds": lambda value: isinstance(value, str) and bool(value),
    "choices": (),
}


@dataclass(frozen=True)
class Options(TextOptions):
    """Options of every stage; those under "Reductions" make the task easier and serve small presets only."""

    view: str = field(default="emma", metadata=_VIEW)
    """How a game is shown. "emma": the last three frames and each sentence as a field; "silg": one grid, the manual as
    one text and as three, and the border masked."""
    vocabulary: str = field(default="family", metadata=_VOCABULARY)
    """Of tokenizer "words". "family": the words of all stages, so that a policy can go on to the next stage; "stage":
    those of this stage only. With wording="human" either means the words of the whole training file."""
    max_steps: int = field(default=64, metadata=_LIMIT)
    """The episode ends with -1 after this step. Messenger's scripts: 4, 64 and 128; LDD's 10, also in stage 2."""
    time_penalty: float = field(default=0.0, metadata=_PENALTY)
    """Reward added to every step that does not end the episode. SILG's trainer: -0.02; Messenger and LDD: 0."""
    multi_combination: float = field(default=0.75, metadata=PROBABILITY)
    """Share of multi-combination games in train and fit with 12 entities, the only mixtures. LDD's scripts: 0.5."""
    shuffle_manual: bool = field(default=True, metadata=FLAG)
    """False: the sentences stand in a fixed order of what they are about, enemy, message and goal first."""
    data_dir: str = field(default=DATA_DIR, metadata=_FOLDER)
    """Where the original's sentences lie, read only with wording="human": a folder, or one in an installed package."""

    # Reductions.
    board: int = field(default=FULL_BOARD, metadata=whole(SMALLEST_BOARD))
    """Cells a side. Stage 1 only loses room to stray; in stage 2 the things start nearer to each other."""
    entities: int = field(default=len(ENTITIES), metadata=one_of(len(ENTITIES), 6))
    """6: the 120 games of the first six entities, cut into splits by a rule of ours (games_v1.json)."""
    wording: str = field(default="full", metadata=one_of(*dict.fromkeys((*WORDINGS, HUMAN))))
    """"human": the original's sentences, from the user's files; "plain": short, few synonyms and role phrases."""

    def check_together(self, env_id: str) -> None:
        super().check_together(env_id)
        if self.entities != len(ENTITIES) and env_id.endswith(("-mc", "-sc")):
            raise EnvError(
                f"{env_id} is a part of the games of {len(ENTITIES)} entities; "
                f"with entities={self.entities} train on '{env_id.rsplit('-', 1)[0]}'"
            )
        if self.entities != len(ENTITIES) and self.wording == HUMAN:
            raise EnvError(
                f"{env_id}: wording='human' tells the games of {len(ENTITIES)} entities; with entities={self.entities} "
                "use wording='full' or 'plain'"
            )


@dataclass(frozen=True)
class Stage1Options(Options):
    """Stage 1, as SILG shows it to its own networks."""

    view: str = field(default="silg", metadata=_VIEW)
    vocabulary: str = field(default="stage", metadata=_VOCABULARY)
    max_steps: int = field(default=6, metadata=_LIMIT)
    """SILG means 6 but cuts after 81; Messenger's scripts say 4, LDD's 10."""
    time_penalty: float = field(default=-0.02, metadata=_PENALTY)
    message_probability: float = field(default=0.2, metadata=PROBABILITY)
    """How often the avatar starts with the message, so that the goal is the thing to touch."""


@dataclass(frozen=True)
class Stage2Options(Options):
    """Stages with things that move."""

    shuffle_layers: bool = field(default=False, metadata=FLAG)
    """True: which thing is on which layer of the grid is drawn anew at every step, as in the original, not only at the
    start of an episode."""


@dataclass(frozen=True)
class Stage3Options(Stage2Options):
    max_steps: int = field(default=128, metadata=_LIMIT)

    def check_together(self, env_id: str) -> None:
        super().check_together(env_id)
        if self.view == "silg":
            raise EnvError(f"{env_id}: view='silg' has room for three sentences, stage 3 has six; use view='emma'")
        if self.board != FULL_BOARD:
            raise EnvError(f"{env_id}: board is {self.board}, expected {FULL_BOARD}: stage 3 has no smaller layout")


OPTIONS: dict[int, type[Options]] = {1: Stage1Options, 2: Stage2Options, 3: Stage3Options}
"""By stage. An option that a stage does not read does not exist there."""
