"""Words that clients carry and bring back: offers and receipts, sealed, tampered with, late, and what they promise."""
