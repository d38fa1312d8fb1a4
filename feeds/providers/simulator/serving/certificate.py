"""A certificate for a server on loopback, made at start and trusted by nobody who is not told to. Development only."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from feeds.contract.errors import Refused


class LoopbackCertificate(NamedTuple):
    """What a server presents, and the PEM of the authority that a client has to trust for it."""

    tls: ssl.SSLContext
    authority: bytes


def loopback_certificate() -> LoopbackCertificate:
    """For 127.0.0.1 and localhost. Raises Refused("no_trustme") where the package that makes it is not installed."""
    try:
        import trustme  # noqa: PLC0415 a development dependency
    except ImportError as error:
        raise Refused("no_trustme", "certificates are made by trustme: pip install 'oddswire[dev]'") from error
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(tls)
    return LoopbackCertificate(tls, authority.cert_pem.bytes())
