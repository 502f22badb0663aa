"""Every fault of a whole project, and how faults are told."""
