//! Datagrams that leave together.

use std::time::Duration;

use super::*;

/// protocol 15.14
#[test]
fn a_datagram_that_cannot_leave_keeps_no_other_back() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let too_large = [b'x'; 65_508];
    let too_large = &too_large[..];
    let small: [&[u8]; 3] = [b"1", b"2", b"3"];
    let [one, two, three] = small;
    let datagrams = [too_large, one, two, too_large, too_large, three, too_large];
    for address in ["127.0.0.1:0", "[::]:0"] {
        let socket = System.bind(address.parse().unwrap()).unwrap();
        let mut sent = Vec::new();
        let to = receiver.local_addr().unwrap();
        socket.send_all(&datagrams, to, None, &mut |outcome| sent.push(outcome.is_ok()));
        assert_eq!(sent, [false, true, true, false, false, true, false], "{address}");
        for expected in small {
            let mut buffer = [0; 8];
            let (len, _) = receiver.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..len], expected);
        }
    }
}
