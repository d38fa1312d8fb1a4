"""From measured coefficients to machines, bandwidth and money, and to what a bad minute does to them."""
