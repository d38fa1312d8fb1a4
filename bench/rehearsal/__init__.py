"""A cluster on one machine: hosts of their own, the servers and processes of production, and what goes wrong there."""
