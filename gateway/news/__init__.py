"""Account news: from the outbox to every shard, and what a shard or a device asks for when it may have missed some."""
