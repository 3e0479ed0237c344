from . import (
    test_context,
    test_counts,
    test_every_model,
    test_fact_writer,
    test_marks,
    test_period_lock,
    test_plant_model,
    test_security,
    test_stops,
    test_timeline,
    test_translations,
    test_views,
)
