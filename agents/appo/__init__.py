"""Reinforcement learning by Sample Factory's APPO (Petrenko et al. 2020): its own processes, our networks and teachers.

``train`` is the stage's target. Nothing here touches Sample Factory's code: every class extends one of its own.
"""
