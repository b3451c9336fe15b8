"""Learners, networks and pretraining; sees only ``envs.base`` and ``envs.registry``."""
