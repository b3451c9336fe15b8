"""Jobs on a Slurm cluster: a ledger of what was submitted, the queue as the only liveness."""
