"""A TCP proxy that goes wrong on command, reproducibly: plan.py says what and when, proxy.py does it."""
