//! What training gives back as a checkpoint.
