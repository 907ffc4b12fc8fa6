//! Random generators whose draws belong to a protocol.
