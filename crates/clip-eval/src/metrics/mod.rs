//! What is counted: scores in, figures out. PROTOCOL_EVAL 7.9.
