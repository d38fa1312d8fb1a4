"""Ingest: provider messages become whole market states on the log. See README for the flow."""
