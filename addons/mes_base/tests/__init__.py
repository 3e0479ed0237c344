from . import test_fact_writer
from . import test_marks
from . import test_period_lock
from . import test_plant_model
from . import test_security
from . import test_stops
from . import test_timeline
