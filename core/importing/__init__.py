"""Files of a user: rows of any format, checked one by one, with every problem counted."""
