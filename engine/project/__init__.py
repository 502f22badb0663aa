"""A project folder: its configuration, its people, what it binds."""
