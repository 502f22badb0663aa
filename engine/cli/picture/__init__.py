"""A plan as a picture: one shape, drawn as mermaid, svg or text."""
