#!/bin/sh
# Starts Odoo in its container. On the first start it installs the addons, makes the demo plant and lays the
# gateway's key where the bridge finds it. MES_MODULES names other modules (without mes_demo: no demo plant).
set -eu

database=${MES_DATABASE:-mes}
modules=${MES_MODULES:-mes_demo}
export PGHOST="$HOST" PGUSER="$USER" PGPASSWORD="$PASSWORD"

if ! psql -d "$database" -Atc "SELECT 1 FROM ir_module_module LIMIT 1" >/dev/null 2>&1; then
    odoo -d "$database" -i "$modules" --stop-after-init --no-http --workers=0
fi
case ",$modules," in
*,mes_demo,*)
    if [ ! -s /gateway/key ]; then
        # Readable for the bridge's user: the volume belongs to these two containers only.
        umask 022
        odoo shell -d "$database" --no-http --workers=0 --log-level=warn <<'PYTHON'
import pathlib
provided = env["mes.demo"].provision(new_key=True)
pathlib.Path("/gateway/key").write_text(provided["key"])
env.cr.commit()
PYTHON
    fi
    ;;
esac
exec odoo -d "$database" "$@"
