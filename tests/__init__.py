"""A package of its own, so that no other package called `tests` (one comes with Sample Factory) is taken for it."""
