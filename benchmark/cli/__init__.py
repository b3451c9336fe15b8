"""The command line: what a person asks, and the answers; one verb after the other."""
