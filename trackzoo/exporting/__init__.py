"""Results as other toolkits and the benchmarks' servers take them: layouts written, packages built and checked."""
