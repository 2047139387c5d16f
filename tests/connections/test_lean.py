"""What a flight never uses is not loaded, and is there for whoever asks for it later."""

from __future__ import annotations

import subprocess
import sys

FLIGHT = """
import sys
from types import ModuleType
from migration_cockpit.connections import lean
if sys.argv[1] == "another":
    lean._stand_in = lambda: ModuleType("pydantic")
for name in ("kubernetes.config", "httpx"):
    lean.load(name)
print("pydantic" in sys.modules, sys.modules.get("httpx._main"))
"""
LATER = """
from kubernetes import client, config
from kubernetes.client.api_response import ApiResponse
from pydantic import BaseModel
answer = ApiResponse(status_code=200, headers={}, data=client.V1ObjectMeta(name="x"), raw_data=b"")
print(answer.data.name, answer.status_code, isinstance(answer.data, BaseModel))
"""


def run(program: str, *arguments: str) -> list[str]:
    """What a program says in a process of its own."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_the_clients_come_without_what_nobody_uses_and_have_it_when_asked() -> None:
    assert run(FLIGHT + LATER, "this") == ["False", "None", "x", "200", "True"]


def test_a_client_that_needs_more_gets_it() -> None:
    assert run(FLIGHT, "another") == ["True", "None"]
