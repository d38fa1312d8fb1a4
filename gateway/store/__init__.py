"""PostgreSQL for everyone: a local server, the migrations of the whole project, pools. Owns no table but its own."""
