"""The harness: composes a grid into a plan of content-keyed stages, runs them, stores what came of them.

It knows nothing of reinforcement learning: what a stage computes is named by a dotted target that only a job imports.
"""
