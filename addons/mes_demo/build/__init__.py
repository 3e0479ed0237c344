"""Writes the demo plant into Odoo, a part a module; each finds what is there before it creates."""
