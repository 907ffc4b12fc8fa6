//! Published values to compare with. PROTOCOL_EVAL 10.
