"""Measuring: real processes under load, a swarm of devices, and bounds that a result meets or misses."""
