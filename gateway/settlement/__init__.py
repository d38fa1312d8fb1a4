"""Results, settlement, corrections of settlements."""
