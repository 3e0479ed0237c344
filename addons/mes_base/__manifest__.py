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
    ],
    "installable": True,
    "application": True,
}
