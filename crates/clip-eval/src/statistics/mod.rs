//! Intervals, tests, comparisons. PROTOCOL_EVAL 7.9.
