"""STA: a first box to a mask."""
