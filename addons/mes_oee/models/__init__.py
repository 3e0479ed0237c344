from . import mes_oee_place_mixin  # first: others inherit from these
from . import mes_oee_date_mixin, mes_oee_reason_mixin, mes_oee_sum_mixin

# isort: split
from . import (
    mes_andon_wall,
    mes_board,
    mes_dirty_span,
    mes_oee,
    mes_oee_engine,
    mes_oee_late,
    mes_oee_levels,
    mes_oee_losses,
    mes_oee_more,
    mes_oee_reason_rollup,
    mes_oee_reason_rollup_day,
    mes_oee_reason_rollup_month,
    mes_oee_refresh,
    mes_oee_report,
    mes_oee_rollup,
    mes_oee_rollup_day,
    mes_oee_rollup_month,
    mes_oee_shift,
    mes_oee_store,
    mes_oee_worth,
    mes_period_lock,
    mes_screen,
    mes_site,
    mes_timeline_screen,
    mrp_workcenter,
    mrp_workcenter_productivity_loss,
    product_template,
)
