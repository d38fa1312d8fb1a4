"""The log on NATS JetStream: connection, streams, lane reader, fenced publisher; and questions between processes.

Besides this only feeds.adapters.coordination imports `nats`.
"""
