"""What a plan will cost, told from what finished stages took, and kept to be compared with what it did cost."""
