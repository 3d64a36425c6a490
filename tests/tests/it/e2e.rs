//! The program as people run it: real processes, real sockets.

mod bench;
mod between;
mod bots;
mod commands;
mod crowd;
mod cuts;
mod descriptors;
mod ending;
mod framing;
mod hostile;
mod hostile_datagrams;
mod lossy_crowd;
mod narrow_path;
mod searching;
mod secrets;
mod slow;
mod terminal;
mod udp;
mod unread;

use crate::harness;
