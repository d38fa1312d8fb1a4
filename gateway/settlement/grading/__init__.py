"""Results of our own: what the desk enters about an event, to what became of each selection. Pure; rules are data."""
