"""Sportradar's Unified Odds Feed: XML over AMQP and REST, and recordings of it, turned into contract states."""
