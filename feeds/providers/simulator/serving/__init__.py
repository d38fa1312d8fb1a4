"""The simulator as other providers' servers: their protocols on loopback, from the same slate. For tests and demos."""
