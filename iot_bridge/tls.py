"""How the bridge trusts a server over TLS: Odoo, a broker."""

from __future__ import annotations

import ssl
from pathlib import Path


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Verifies name and chain, always, from TLS 1.2 on; ``ca_file``: PEM of the authorities, None: the system's.

    Raises OSError when the file can't be read, ssl.SSLError when it holds no certificate.
    """
    made = ssl.create_default_context(cafile=ca_file)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # From Python 3.13 on it would refuse authorities without key identifiers, which those of plants often lack.
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return made
