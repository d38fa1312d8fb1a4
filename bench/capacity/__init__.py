"""From measured coefficients to machines, bandwidth and money for any number of devices, and to what a bad minute does."""
