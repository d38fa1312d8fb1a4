"""Clients who ask for money over a lossy network, workers that die, a database that leaves them in doubt."""
