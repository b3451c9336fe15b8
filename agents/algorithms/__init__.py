"""Reinforcement learning algorithms. A method never changes one: it enters through initialisation and the teacher."""
