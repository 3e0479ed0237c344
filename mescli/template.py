"""Template databases, one per content: Odoo's own modules (`…_vendor`), and ours on top of them."""

from __future__ import annotations

import ast
import contextlib
import re
from pathlib import Path

from . import database, odoo, odoo_tree, postgres
from .errors import MesError
from .paths import ADDONS, hash_files, hash_text, locked, sub
from .progress import step

VENDOR = ("bus", "hr", "maintenance", "mrp", "stock")
PREFIX = "mes_tpl_"
RECIPE = "1"  # raise when the way of building changes
SOURCES = {".py", ".xml", ".csv", ".js", ".scss", ".css", ".po", ".json", ".svg", ".png"}
IN_DATABASE = (
    "env['ir.config_parameter'].set_param('ir_attachment.location', 'db')\n"
    "env['ir.attachment'].force_storage()\n"
    "env['ir.config_parameter'].set_param('web.base.url.freeze', 'True')\n"
)


def manifests() -> dict[str, dict[str, object]]:
    """Our addons that can be installed: name → manifest."""
    found = {}
    for path in sorted(ADDONS.glob("*/__manifest__.py")):
        try:
            manifest = ast.literal_eval(path.read_text())
        except (ValueError, SyntaxError) as error:
            raise MesError(f"{path} is no Odoo manifest ({error}).", "mend the file.") from error
        if manifest.get("installable", True):
            found[path.parent.name] = manifest
    return found


def vendor_modules(ours: dict[str, dict[str, object]]) -> list[str]:
    """Odoo's modules that ours depend on, and the fixed ones."""
    wanted = set(VENDOR)
    for addon, manifest in ours.items():
        depends = manifest.get("depends", [])
        assert isinstance(depends, list)
        for name in depends:
            if name not in ours and not any((path / str(name)).is_dir() for path in odoo_tree.addons_paths()):
                raise MesError(f"{addon} depends on {name}, which does not exist.", "mend `depends` in its manifest.")
        wanted.update(str(name) for name in depends)
    return sorted(wanted - set(ours))


def source_files() -> list[Path]:
    """Every file of our addons that an installed database depends on (tests are not installed)."""
    files = (path for path in ADDONS.rglob("*") if path.suffix in SOURCES and path.is_file())
    return [path for path in files if not {"tests", "__pycache__"} & set(path.relative_to(ADDONS).parts)]


def vendor_name(modules: list[str]) -> str:
    return f"{PREFIX}{hash_text(RECIPE, odoo_tree.fingerprint(), *modules)}_vendor"


def full_name(vendor: str) -> str:
    return f"{PREFIX}{hash_files(source_files(), ADDONS, vendor)}"


def current() -> str:
    """The name that the template has for exactly the present sources, built or not."""
    return full_name(vendor_name(vendor_modules(manifests())))


def ensure_vendor() -> str:
    """The template with Odoo's modules only; built when missing (two minutes)."""
    modules = vendor_modules(manifests())
    name = vendor_name(modules)
    postgres.ensure()
    if database.exists(name):
        return name
    with locked(sub("run") / "template-vendor.lock"):
        if not database.exists(name):
            _build_vendor(name, modules)
            _collect_garbage("_vendor", keep=3)
    return name


def _build_vendor(name: str, modules: list[str]) -> None:
    draft = f"{name}_draft"
    database.drop(draft)
    database.create(draft)
    database.sql(f"ALTER DATABASE {database.quoted(draft)} SET synchronous_commit = off")
    with step("Template database 1 of 3: Odoo's base", 30):
        odoo.install(draft, ["base"])
    with step("Template database 2 of 3: attachments into the database", 5):
        odoo.script(draft, IN_DATABASE)
    with step(f"Template database 3 of 3: {', '.join(modules)}", 100):
        odoo.install(draft, modules)
    database.rename(draft, name)


def ensure() -> str:
    """The template with our addons installed, for exactly the present sources; built when missing."""
    vendor = ensure_vendor()
    ours = list(manifests())
    if not ours:
        return vendor
    with contextlib.ExitStack() as stack:
        name = full_name(vendor)
        if not database.exists(name):
            stack.enter_context(locked(sub("run") / "template.lock"))
            name = _build(vendor, ours)
    _touch(name)
    return name


def _build(vendor: str, ours: list[str]) -> str:
    """Install our addons on a copy of the vendor template; again if the sources change meanwhile."""
    for _ in range(3):
        name = full_name(vendor)
        if database.exists(name):  # somebody else has built it while we waited for the lock
            return name
        draft = f"{name}_draft"
        database.copy(vendor, draft)
        with step(f"Template database: {', '.join(ours)}", 30):
            odoo.install(draft, ours)
        if full_name(vendor) == name:
            database.rename(draft, name)
            _collect_garbage("", keep=2, just_built=name)
            return name
        database.drop(draft)
    raise MesError("The addons change faster than a template can be built.", "run the same command again.")


def _touch(name: str) -> None:
    (sub("run") / f"{name}.used").touch()


def _collect_garbage(suffix: str, keep: int, just_built: str = "") -> None:
    """Drop the templates that were not used for longest, and drafts of killed builds (ours is the lock)."""
    pattern = re.compile(rf"{PREFIX}[0-9a-f]{{12}}{suffix}")
    stamps = sub("run")

    def last_used(name: str) -> float:
        stamp = stamps / f"{name}.used"
        return stamp.stat().st_mtime if stamp.exists() else 0.0

    # On a server of the user's own a draft may belong to another checkout, which holds another lock.
    drafts = [] if postgres.is_external() else database.names()
    for name in drafts:
        if re.fullmatch(pattern.pattern + "_draft", name):
            database.drop(name)
    candidates = [name for name in database.names() if pattern.fullmatch(name) and name != just_built]
    for name in sorted(candidates, key=last_used, reverse=True)[keep:]:
        database.drop(name)
        (stamps / f"{name}.used").unlink(missing_ok=True)
