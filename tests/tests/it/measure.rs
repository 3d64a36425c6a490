//! The measurements of chat-measure in virtual time, where nothing but the link takes time and figures are exact.

mod conversations;
mod impossible_loads;
mod load;
