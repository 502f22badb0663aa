"""What a step needs around its program: flags, scopes, secrets, contracts."""
