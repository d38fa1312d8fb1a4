"""What goes wrong with the database, in words for people. None of them ever holds a password."""

from __future__ import annotations


class DatabaseUnavailable(Exception):
    """The database did not answer, or ended the connection; what was under way may or may not have been done."""


class StatementTimedOut(DatabaseUnavailable):
    """The database is there, but one statement took longer than it may, and was cancelled."""


class NotTheWriter(DatabaseUnavailable):
    """The server takes no writes: it is a replica, or became one when another took over."""


class NotConnected(DatabaseUnavailable):
    """There was no connection to be had: nothing was asked, and nothing done."""


class NoDatabaseServer(Exception):
    """There is no PostgreSQL to start here, or it does not start."""


class MigrationRefused(Exception):
    """The database's schema is not one that this program's migrations lead from."""
