"""RTS: robust tracking by segmentation (`rts50`), and LWL."""
