"""The mirror of the run folders in MLflow; the only place that imports it."""
