"""How a capability's program is run: one protocol, one file a backend."""
