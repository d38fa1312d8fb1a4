"""What is read of the odds as they stand now: the book, its bodies, and every form of a body kept for who asks next."""
