"""Starting from what was learnt in an easier environment.

Every method starts there (the release let only tabula rasa, quirk M15): a policy and a pretraining from that policy's
weights; a policy that a teacher initialises from that teacher's trunk, which started there, with heads of its own.
"""

from __future__ import annotations

import torch

from agents.job import Job
from agents.networks import Network
from agents.saved import load_saved
from envs.base import EnvError


def begin(net: Network, job: Job) -> None:
    """Load the weights of the parent ``curriculum``, heads included; without that parent a network stays as it was.

    Raises EnvError if that policy reads other words, or has other sizes.
    """
    if "curriculum" not in job.parents:
        return
    path = job.parents["curriculum"] / "policy.pt"
    saved = load_saved(path, torch.device(job.device))
    if saved["tokenizer"] != net.layout.tokenizer:
        raise EnvError(
            f"the curriculum's policy {path} reads {saved['tokenizer']}, this environment speaks "
            f"{net.layout.tokenizer}; give both env.options.vocabulary=family and the same tokenizer and wording"
        )
    try:
        net.load_state_dict(saved["weights"])
    except RuntimeError as error:
        raise EnvError(
            f"the curriculum's policy {path} has another network than this environment's: {error}"
        ) from error
