"""The log on NATS JetStream: connection, streams, lane reader, fenced publisher. Nothing else imports `nats`."""
