"""Find or create: what makes the demo's builders idempotent."""

from typing import Any


def ensure(env: Any, model: str, key: dict[str, Any], values: dict[str, Any] | None = None) -> Any:
    """The record of ``model`` with the fields of ``key``, archived ones too; created with ``values`` if new."""
    found = env[model].with_context(active_test=False).search([(f, "=", v) for f, v in key.items()], limit=1)
    return found or env[model].create({**key, **(values or {})})
