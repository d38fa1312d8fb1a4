"""Backends of the port feeds.contract.coordination: memory, NATS KV, Aerospike. One suite runs over all of them."""
