//! Large datagrams without header that do not get through (protocol 15.21.6): a frame that is sent again and again was lost
//! each time, and its client is told why.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hasher},
};

use bytes::Bytes;

use crate::packer::PACKED;

/// How often each of the last large frames of a link was sent.
#[derive(Debug, Default)]
pub(crate) struct LargeFrames {
    /// The hash of each frame, and how often it was sent; the newest last.
    sent: VecDeque<(u64, u32)>,
}

impl LargeFrames {
    /// Notes that `frame` is sent. Returns the datagram that tells the client if the frame seems not to get through.
    pub(crate) fn note(&mut self, frame: &[u8]) -> Option<Bytes> {
        if frame.len() <= PACKED {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(frame);
        let hash = hasher.finish();
        let known = self.sent.iter().position(|(known, _)| *known == hash);
        let (_, times) = known.and_then(|at| self.sent.remove(at)).unwrap_or((hash, 0));
        let times = times + 1;
        if self.sent.len() == FRAMES {
            self.sent.pop_front();
        }
        self.sent.push_back((hash, times));
        (times % TIMES == 0).then(|| notice(frame.len(), times).into())
    }
}

fn notice(len: usize, times: u32) -> String {
    format!(
        "{{\"type\":\"undelivered\",\"bytes\":{len},\"message\":\"a frame of {len} bytes was sent {times} times and seems not \
         to arrive: this network drops fragments of IP. Datagrams with a header (protocol 15.19) and TCP carry such \
         frames.\"}}"
    )
}

/// After how many sendings of a frame its client is told. Three losses in a row by chance are rare.
const TIMES: u32 = 4;

/// How many frames of a link are remembered. A client asks for few at a time.
const FRAMES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol 15.21.6
    #[test]
    fn a_large_frame_that_is_sent_again_and_again_is_named() {
        let mut frames = LargeFrames::default();
        let (large, other, small) = ([b'x'; 3000], [b'y'; 1201], [b'z'; 1200]);
        let told: Vec<bool> = (0..8).map(|_| frames.note(&large).is_some()).collect();
        assert_eq!(told, [false, false, false, true, false, false, false, true]);
        assert!((0..100).all(|_| frames.note(&small).is_none()), "it needs no fragments");
        assert_eq!((0..4).filter_map(|_| frames.note(&other)).count(), 1);
        let notice = notice(3000, 4);
        assert!(
            notice.len() <= PACKED && serde_json::from_str::<serde_json::Value>(&notice).is_ok(),
            "{notice}"
        );
    }

    #[test]
    fn it_remembers_a_few_frames_alone() {
        let mut frames = LargeFrames::default();
        for nth in 0..1000_u32 {
            let mut frame = vec![0; 2000];
            frame[..4].copy_from_slice(&nth.to_be_bytes());
            frames.note(&frame);
        }
        assert_eq!(frames.sent.len(), FRAMES);
    }
}
