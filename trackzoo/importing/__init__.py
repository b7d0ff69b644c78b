"""Results that other toolkits wrote: found as they lie, read, held against the annotation, scored or taken into the store."""
