"""The pure heart: given what has finished, what to do next. No clock, no I/O, no Temporal."""
