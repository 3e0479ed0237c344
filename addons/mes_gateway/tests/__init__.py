from . import (
    test_bad_input,
    test_health,
    test_ingest,
    test_keys,
    test_live,
    test_pending,
    test_rejections,
    test_restore,
    test_rights,
    test_tags,
    test_transport,
)
