from . import shift_report
