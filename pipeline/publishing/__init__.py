"""Files onto an index: checked, planned, sent, read back, and told in a journal."""
