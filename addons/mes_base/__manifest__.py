{
    "name": "MES Base",
    "summary": "Plant model, shift calendar, reasons and the facts of the shop floor",
    "version": "19.0.1.0.0",
    "category": "Supply Chain/Manufacturing",
    "author": "Gemba MES contributors",
    "license": "LGPL-3",
    "depends": ["mrp", "maintenance", "hr", "bus"],
    "data": [
        "security/mes_base_groups.xml",
        "security/ir.model.access.csv",
        "security/mes_base_rules.xml",
        "data/ir_cron.xml",
        "data/mes_reasons.xml",
    ],
    "assets": {
        # The palette is a variable of every stylesheet: state colours are defined once.
        "web._assets_primary_variables": ["mes_base/static/src/palette/palette.scss"],
        "web.assets_backend": ["mes_base/static/src/palette/states.js"],
    },
    "installable": True,
    "application": True,
}
