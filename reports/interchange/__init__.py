"""Results in and out: files for other programs and people, their files as a grid, and two results side by side."""
