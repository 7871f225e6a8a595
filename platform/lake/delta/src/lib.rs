//! The lake port on Delta Lake.
