//! Accuracy against the number of labelled examples. PROTOCOL_EVAL 7.3.
