"""The log on NATS JetStream: connection, streams, lane reader and tap, fenced publisher; questions between processes.

Besides this only feeds.adapters.coordination imports `nats`.
"""
