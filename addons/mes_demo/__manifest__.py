{
    "name": "MES Demo Plant",
    "summary": "A bottling line with shifts, orders, a gateway and a week of history",
    "version": "19.0.1.0.0",
    "category": "Supply Chain/Manufacturing",
    "author": "Gemba MES contributors",
    "license": "LGPL-3",
    "depends": ["mes_gateway", "mes_oee"],
    "installable": True,
}
