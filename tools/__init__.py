"""What the project does for itself: the demo, the pages that are written from the code."""
