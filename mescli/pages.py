"""What the web client is made of, bundled before somebody waits for it: Odoo does so at the first visit."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from . import odoo
from .errors import MesError
from .progress import say

# What the login page and the screens ask for (name, has JavaScript, has styles). Odoo's own way to make bundles makes
# those of its tests as well, which takes three times as long.
BUNDLES = (
    ("web.assets_web", True, True),
    ("web.assets_web_print", False, True),
    ("web.assets_frontend", False, True),
    ("web.assets_frontend_minimal", True, False),
    ("web.assets_frontend_lazy", True, False),
    ("web.chartjs_lib", True, False),
    ("bus.websocket_worker_assets", True, False),
)
CODE = """
for name, js, css in {bundles!r}:
    bundle = env["ir.qweb"]._get_asset_bundle(name, js=js, css=css)
    js and bundle.js()
    css and bundle.css()
"""


def make(database: str) -> None:
    """Make the bundles of a database."""
    odoo.script(database, CODE.format(bundles=BUNDLES), what="Bundling the web pages")


@contextlib.contextmanager
def made_meanwhile(database: str) -> Iterator[None]:
    """Make them in a process beside what is done here. A failure costs seconds at the first visit and nothing else."""

    def work() -> None:
        try:
            make(database)
        except MesError as error:
            say(f"  The first page will take some seconds longer: {error}")

    thread = threading.Thread(target=work, name="pages", daemon=True)
    thread.start()
    yield  # who is interrupted here does not wait
    thread.join()
