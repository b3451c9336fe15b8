"""Measurements for people: throughput (`make bench`) and agreement with the originals. No test asserts a time."""
