"""The fan-out tier: whole states from the log become shared deltas for devices inside a 200 ms budget."""
