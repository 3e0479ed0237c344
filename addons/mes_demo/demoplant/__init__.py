"""The demo plant as plain data and pure functions: no Odoo here.

``layout`` says what the plant is made of (it agrees with the simulator of the bridge: tested), ``tags`` how the
gateway reads it, ``goods``, ``people`` and ``reasons`` what it makes, who works there and why it stops.
``plant`` invents a plausible past: ``history`` of a line, ``tools`` of machine tools, ``batch`` of a reactor;
``words`` is what people said about it, ``paint`` the small algebra of spans they use.
"""
