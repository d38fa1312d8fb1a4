"""Backends of the port feeds.contract.coordination: memory and NATS KV. One suite runs over all of them."""
