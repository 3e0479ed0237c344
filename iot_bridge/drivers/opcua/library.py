"""asyncua without its server, which a client never needs: 3 MB less memory in a bridge that has 80.

``import asyncua`` loads both. Here the server's place is kept by an empty module meanwhile; who asks for
``asyncua.Server`` later still gets it, loaded then.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_SERVER = "asyncua.server"


def _load() -> Any:
    if "asyncua" in sys.modules or _SERVER in sys.modules:
        return import_module("asyncua")
    place: Any = ModuleType(_SERVER)
    place.Server = None
    sys.modules[_SERVER] = place
    try:
        library: Any = import_module("asyncua")
    finally:
        del sys.modules[_SERVER]
    for name in ("Server", "server"):
        library.__dict__.pop(name, None)
    library.__getattr__ = _later
    return library


def _later(name: str) -> Any:
    if name == "Server":
        return import_module(_SERVER).Server
    raise AttributeError(f"module 'asyncua' has no attribute {name!r}")


asyncua = _load()
Client = asyncua.Client
ua: Any = import_module("asyncua.ua")
UaClientState: Any = import_module("asyncua.client.ua_client").UaClientState
security_policies: Any = import_module("asyncua.crypto.security_policies")
CertProperties: Any = import_module("asyncua.crypto.uacrypto").CertProperties
data_type_to_variant_type: Any = import_module("asyncua.common.ua_utils").data_type_to_variant_type
