"""Nagle's algorithm off on the sockets of another process of ours, for a peer that has no setting for it. Linux.

A duplicate of its descriptor is the same socket to the kernel, so what is set on it is set for the other process, too
(pidfd_getfd(2), Linux 5.6). That needs the right to trace it, which a parent has by default (ptrace_scope 0 or 1).
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from pathlib import Path

_PIDFD_GETFD = 438
"""The same number on x86_64 and aarch64; Python has no name for it."""

_libc = ctypes.CDLL(None, use_errno=True)


def turn_off(pid: int, port: int) -> int:
    """TCP_NODELAY on every connection that the process has accepted on `port`. Gives how many. Raises OSError."""
    pidfd = os.pidfd_open(pid)
    try:
        return sum(_turned_off(pidfd, int(entry.name), port) for entry in Path(f"/proc/{pid}/fd").iterdir())
    finally:
        os.close(pidfd)


def _turned_off(pidfd: int, descriptor: int, port: int) -> bool:
    copy = _libc.syscall(_PIDFD_GETFD, pidfd, descriptor, 0)
    if copy < 0:
        number = ctypes.get_errno()
        if number == errno.EBADF:  # it was closed meanwhile
            return False
        raise OSError(number, f"pidfd_getfd: {os.strerror(number)}")
    try:
        shared = socket.socket(fileno=copy)
    except OSError:  # no socket
        os.close(copy)
        return False
    with shared:
        if shared.family != socket.AF_INET or shared.getsockname()[1] != port or _listens(shared):
            return False
        shared.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return True


def _listens(own: socket.socket) -> bool:
    return bool(own.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
