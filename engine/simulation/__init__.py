"""Runs without a server, in simulated time: cases, coverage, preview."""
