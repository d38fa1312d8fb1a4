"""Locust's users, a file each. They change the standard library's sockets, as Locust always does: only locustfile.py
imports them, in a process of its own."""
