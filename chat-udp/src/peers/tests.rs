//! Parts of frames that many links hold at once.

use chat_core::Runtime;
use chat_testkit::virtual_time::VirtualTime;

use super::*;
use crate::parts::split;

/// protocol 15.20.4
#[test]
fn parts_that_are_too_much_are_lost_by_the_link_that_holds_most() {
    let now = VirtualTime::new(1).now();
    let peers = Peers { parts: PartialFrames::new(5000, 1 << 20), ..Peers::default() };
    let peer = |token: u128, port| {
        let route = Route { remote: SocketAddr::from(([192, 0, 2, 1], port)), local: None };
        peers.add(token, Form::Header, route)
    };
    let (large, small) = (peer(1, 1), peer(2, 2));
    let frame = vec![b'x'; 4000];
    let parts = |peer: &Peer| split(&frame, peer.token).collect::<Vec<_>>();
    for part in &parts(&large)[..3] {
        peers.deliver(&large, Content::Part(*part), now);
    }
    let of_small = parts(&small);
    peers.deliver(&small, Content::Part(of_small[0]), now);
    assert_eq!((large.parts_held(), small.parts_held(), peers.parts.bytes()), (3072, 1024, 4096));
    peers.deliver(&small, Content::Part(of_small[1]), now);
    assert_eq!((large.parts_held(), small.parts_held(), peers.parts.bytes()), (0, 2048, 2048));
    // The smaller one is completed, and the other one is sent again.
    for (peer, parts) in [(&small, of_small[2..].to_vec()), (&large, parts(&large))] {
        parts.into_iter().for_each(|part| peers.deliver(peer, Content::Part(part), now));
        assert_eq!(peer.state().inbox.pop_front().unwrap(), frame);
    }
    assert_eq!(peers.parts.bytes(), 0);
    peers.deliver(&small, Content::Part(of_small[0]), now);
    peers.forget(&small);
    assert_eq!(peers.parts.bytes(), 0, "a link that is gone holds nothing");
}
