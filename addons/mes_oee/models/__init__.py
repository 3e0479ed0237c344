from . import (
    mes_board,
    mes_dirty_span,
    mes_oee,
    mes_oee_engine,
    mes_oee_late,
    mes_oee_refresh,
    mes_oee_report,
    mes_oee_rollup,
    mes_oee_shift,
    mes_period_lock,
    mes_site,
    mrp_workcenter,
)
