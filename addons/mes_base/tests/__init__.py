from . import test_fact_writer
from . import test_plant_model
from . import test_timeline
