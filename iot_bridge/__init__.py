"""The IoT bridge of Gemba MES.

It reads PLCs and delivers what they did to Odoo, exactly once::

    driver -> Sample -> signal -> Event -> outbox (SQLite) -> uplink (XML-RPC or JSON-2)

The package knows nothing of Odoo's ORM; the only contract is ``schema/events.schema.json``.
"""

__version__ = "0.1.0"
