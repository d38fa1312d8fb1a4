"""What touches the outside for feeds: NATS, and memory in its place for tests."""
