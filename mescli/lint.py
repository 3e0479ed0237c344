"""`./mes lint`: ruff, mypy (strict) on what is pure, pylint-odoo on the addons; all of them, then the sum."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import odoo, template, venv
from .paths import ADDONS, ROOT
from .progress import say

# Packages with strict types; each is checked from the folder it is imported from, as in the tests.
TYPED = (
    "iot_bridge",
    "mescli",
    "addons/mes_base/timeline",
    "addons/mes_gateway/contract",
    "addons/mes_oee/kpi",
    "addons/mes_demo/demoplant",
)


def _typed_packages() -> list[Path]:
    return [ROOT / name for name in TYPED if (ROOT / name / "__init__.py").exists()]


def _checks() -> list[tuple[str, list[str], Path]]:
    """Name, command and working folder of each linter."""
    checks: list[tuple[str, list[str], Path]] = [("ruff", [str(venv.program("ruff")), "check", "."], ROOT)]
    cache = ROOT / ".mypy_cache"
    for package in _typed_packages():
        command = [str(venv.program("mypy")), f"--config-file={ROOT / 'pyproject.toml'}", f"--cache-dir={cache}"]
        command += ["-p", package.name]
        checks.append((f"mypy {package.relative_to(ROOT)}", command, package.parent))
    addons = [str(ADDONS / name) for name in template.manifests()]
    if addons:
        pylint = [str(venv.program("pylint")), f"--rcfile={ROOT / '.pylintrc'}"]
        checks.append(("pylint-odoo", [*pylint, *addons], ROOT))
    return checks


def run() -> int:
    """Run every linter; 0 only if none complains."""
    env = odoo.environment()
    failed = []
    for name, command, folder in _checks():
        say(f"== {name} ==")
        if subprocess.run(command, cwd=folder, env=env).returncode:
            failed.append(name)
    say(f"lint: {'failed: ' + ', '.join(failed) if failed else 'clean'}")
    return 1 if failed else 0
