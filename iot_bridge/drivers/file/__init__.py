"""Files dropped into a folder: CSV or JSON lines, each row exactly once."""
