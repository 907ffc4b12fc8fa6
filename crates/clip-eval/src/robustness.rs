//! Accuracy under natural shifts. PROTOCOL_EVAL 7.4.
