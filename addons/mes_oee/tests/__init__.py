from . import test_rollup_vectors
from . import test_rollup_upkeep
from . import test_rollup_property
from . import test_figures
from . import test_late
from . import test_views
from . import test_board
from . import test_board_hoot
