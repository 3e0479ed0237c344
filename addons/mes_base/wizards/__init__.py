from . import mes_stop_explanation
