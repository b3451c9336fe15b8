"""What a trunk may learn from demonstrations before reinforcement learning."""
