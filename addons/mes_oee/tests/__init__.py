from . import (
    test_board,
    test_board_hoot,
    test_figures,
    test_late,
    test_rollup_property,
    test_rollup_upkeep,
    test_rollup_vectors,
    test_views,
)
