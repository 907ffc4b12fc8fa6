//! Features of a locked tower, computed once and kept in a file.
