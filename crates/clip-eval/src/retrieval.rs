//! Captions and images find each other. PROTOCOL_EVAL 7.5.
