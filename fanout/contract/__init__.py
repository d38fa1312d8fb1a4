"""The wire between a shard and its devices (PROTOCOL.md): topics, cursor, messages, codec, close codes. Pure code."""
