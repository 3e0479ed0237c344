"""To Odoo: the durable lane, the live lane and the tag download, over one of two transports."""
