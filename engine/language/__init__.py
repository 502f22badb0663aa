"""What authors write, from text to Plan, or every fault."""
