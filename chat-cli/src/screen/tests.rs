//! The state and the drawing, without a terminal.
