"""Runs on a real server, from their text to their result."""
