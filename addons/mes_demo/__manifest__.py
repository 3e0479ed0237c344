{
    "name": "MES Demo Plant",
    "summary": "A factory for trying out: known passwords, a week of invented history. Never on a real database",
    "version": "19.0.1.0.0",
    "category": "Supply Chain/Manufacturing",
    "author": "Gemba MES contributors",
    "license": "LGPL-3",
    "depends": ["mes_gateway", "mes_oee"],
    "installable": True,
}
