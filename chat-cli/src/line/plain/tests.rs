//! Updates in, transcript out.
