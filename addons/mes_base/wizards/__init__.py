from . import mes_overtime, mes_shift_pattern_version, mes_shift_plan, mes_stop_explanation
