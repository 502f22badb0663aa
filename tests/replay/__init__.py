"""Kept histories: what was recorded once must replay for ever."""
