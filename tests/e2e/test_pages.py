"""What the web client is made of is there before the first visitor."""

from __future__ import annotations

import os

import pytest

from mescli import database, pages, template


def test_bundles_lie_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made as a visit would make them, where a visit looks for them; two small ones stand for all."""
    small = [one for one in pages.BUNDLES if one[0] in ("web.assets_frontend_minimal", "web.chartjs_lib")]
    monkeypatch.setattr(pages, "BUNDLES", tuple(small))
    name = f"mes_e2e_{os.getpid()}_pages"
    database.copy(template.ensure(), name)
    try:
        pages.make(name)
        found = "SELECT name FROM ir_attachment WHERE public AND url LIKE '/web/assets/%' AND file_size > 0 ORDER BY 1"
        made = database.sql(found, name)
        assert made == ["web.assets_frontend_minimal.min.js", "web.chartjs_lib.min.js"]
    finally:
        database.drop(name)
