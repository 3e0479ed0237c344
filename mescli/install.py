"""Everything that must be there before a command can work, in the order in which it is needed."""

from __future__ import annotations

import shutil

from . import browser as chromium
from . import mosquitto, odoo, odoo_tree, postgres, systemd, template, venv
from .errors import MesError, disk_full
from .paths import cache_dir, state_dir
from .progress import say

# Odoo unpacked 1.3 GB, packages 0.6 GB, packages while unpacking 0.15 GB.
NEED_CACHE_MB = 2500
# The cluster, two templates, a demo and a test database.
NEED_STATE_MB = 500


def ensure(*, browser: bool) -> None:
    """Install what is missing and start the database server; quick when nothing is."""
    need_space()
    odoo_tree.ensure()
    venv.ensure()
    mosquitto.ensure()
    postgres.ensure()
    odoo.write_settings()
    if browser:
        chromium.ensure()


def need_space() -> None:
    """Say that the disk is too full before half of the work is done."""
    if not venv.is_ready() and shutil.disk_usage(cache_dir()).free < NEED_CACHE_MB * 2**20:
        raise disk_full(f"{cache_dir()}, {NEED_CACHE_MB} MB are needed")
    if shutil.disk_usage(state_dir()).free < NEED_STATE_MB * 2**20:
        raise disk_full(f"{state_dir()}, {NEED_STATE_MB} MB are needed")


def setup(*, vendor_only: bool) -> int:
    """`./mes setup`."""
    ensure(browser=False)
    say(f"  vendor template: {template.ensure_vendor()}")
    if not vendor_only:
        systemd.ensure()  # the tests judge the unit files with it
        say(f"  template: {template.ensure()}")
        try:
            say(f"  browser: {chromium.ensure()}")
        except MesError as error:
            say(f"  browser: {error}\n  (the demo needs none; the tests do)")
    say("Ready. `./mes demo` runs the plant, `./mes test` the tests.")
    return 0
