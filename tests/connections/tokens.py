"""Tokens for tests."""

from __future__ import annotations

import base64
import json
from typing import Any


def jwt(**claims: Any) -> str:
    """An unsigned JSON Web Token with these claims."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2lnbmF0dXJl"])
