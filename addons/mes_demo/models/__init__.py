from . import mes_demo
