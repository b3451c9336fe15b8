"""What can be changed about RTFM, with defaults: the intended behaviour of the original."""

from __future__ import annotations

from dataclasses import dataclass, field

from envs.base import EnvError
from envs.options import FLAG, TextOptions, number, one_of, whole


@dataclass(frozen=True)
class Options(TextOptions):
    """Environment options; those under "Reductions" make the task easier and serve small presets only."""

    max_steps: int = field(default=80, metadata=whole(1))
    """The episode ends with -1 on this action. The original means 80 but cuts on the 81st: 81 matches its count."""
    time_penalty: float = field(default=-0.02, metadata=number())
    """Reward of every step that does not end the episode."""
    redraw_text: bool = field(default=False, metadata=FLAG)
    """Stage 4 only: draw wording and order of the facts anew at every observation, as the original's s4 train does."""

    # Reductions.
    items: bool = field(default=True, metadata=FLAG)
    """False: no items on the board; the player starts with the item that beats the target (``inv`` shows it)."""
    goal: str = field(default="team", metadata=one_of("team", "monster"))
    """"monster": the goal names the target monster's noun instead of its team, so team facts are not needed."""
    start: str = field(default="uniform", metadata=one_of("uniform", "fair"))
    """"fair": both monsters equally near and in different directions, and likewise both items."""

    def check_together(self, env_id: str) -> None:
        super().check_together(env_id)
        if self.redraw_text and "-s4-" not in env_id:
            raise EnvError(f"{env_id}: redraw_text needs the paraphrases of stage 4; stages 1 to 3 have one wording")
