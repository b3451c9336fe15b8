"""What a recurrent trunk may learn from recordings of terminal screens before reinforcement learning."""
