"""Read to Fight Monsters (RTFM), groups task, stages 1-4, as a batched torch program.

A 6x6 walled room holds you, two monsters and two items. The manual tells which monsters belong to which team and which
items beat which element; the goal names a team. Take the item that beats the element of that team's monster, then
fight it, and keep away from the other one. Stages: s1 the monsters stand still; s2 they move; s3 the manual lists
groups; s4 it is paraphrased and shuffled. ``-train`` and ``-test`` differ in the assignments that manuals state.
``-fit`` and ``-dev`` cut those of ``-train`` 5 to 1, so that settings can be chosen without a look at ``-test``.

    env = envs.make("rtfm-s1-train", num_envs=96, seed=0, max_steps=80)

Source: Zhong, Rocktäschel & Grefenstette, "RTFM: Generalising to Novel Environment Dynamics via Reading" (ICLR 2020),
as exposed by SILG (Zhong et al., NeurIPS 2021).
Licence: the original's content is CC BY-NC 4.0 and none of it is here. The rules were rewritten from a behaviour
specification; every word, wording and split is our own (MIT, as the rest of this project). So numbers compare with the
original's, pretrained weights do not.

Files: rules.py (one turn), deal.py (the start of an episode), words.py, manual.py (texts), splits.py + splits_v1.json,
env.py (the environment), planner.py (the expert), board.py (rendering for people).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from envs.rtfm.env import RTFM

IDS = tuple(f"rtfm-s{stage}-{side}" for stage in (1, 2, 3, 4) for side in ("train", "test", "fit", "dev"))


def make(env_id: str, *, num_envs: int, device: torch.device, seed: int, **options: Any) -> RTFM:
    """See envs.make; the options are the fields of ``envs.rtfm.options.Options``."""
    from envs.rtfm.env import RTFM
    from envs.rtfm.options import Options

    return RTFM(env_id, num_envs=num_envs, device=device, seed=seed, options=Options.checked(env_id, options))
