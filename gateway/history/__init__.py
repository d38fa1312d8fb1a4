"""The archive: nothing that was ever offered is forgotten. Owns the schema `history` of the database.

`rows`, `batch`, `sources`, `lag`, `answers` decide, pure; `tables`, `archiver`, `upkeep` write; `reads` answers
questions; `parquet` and `replay` take days out again; `main` wires. It reads the log and never writes to it, but for a
replay, which is a feed of its own.
"""
