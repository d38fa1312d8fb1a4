"""Deterministic simulation of the pure parts: worlds that follow from a seed, in virtual time, against models of their
own. No socket, no real clock, no real server; what SQL decides is proven over real PostgreSQL elsewhere."""
