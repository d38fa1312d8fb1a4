"""What is sold and shown: REST, catalogue, bets, desk, and the `oddswire` command with its local stack."""
