//! A client that sends datagrams without header, as one of a few lines does (protocol 15.21), against the suite for
//! transports: a listener serves both forms.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs, UdpSocket},
    pin::Pin,
    task::{Context, Poll, ready},
};

use async_io::Async;
use bytes::Bytes;
use chat_core::{
    Address, HostPort,
    transport::{BoxLink, Incoming, Listening, Promises, Transport},
};
use chat_udp::Udp;
use futures::{FutureExt, Sink, SinkExt, Stream, StreamExt, future::BoxFuture};
use serde_json::Value;

use crate::sockets::runtime;

chat_testkit::conformance_tests! { [runtime(), |runtime| WithoutHeader(Udp::new(runtime)), "udp://127.0.0.1:0"]
    frames: [
        a_frame_arrives_whole
        frames_may_be_as_small_as_an_object
        frames_may_be_as_large_as_promised
        frames_may_hold_every_byte
        frames_of_all_sizes_arrive_as_promised
        frames_are_gathered_until_flushed
        both_directions_work_at_once
        links_do_not_mix
        a_frame_over_the_limit_is_refused
        a_peer_that_does_not_read_holds_the_sender_back
    ]
    life: [
        it_carries_every_message_of_the_protocol
        a_listener_says_where_it_listens
        a_peer_has_an_address_and_a_host
        closing_is_seen_as_the_end
        dropping_is_seen_as_the_end
        what_was_sent_before_closing_arrives
        sending_to_nobody_ends
        links_outlive_their_listener
        a_dial_can_be_given_up
        a_listener_outlives_peers_that_give_up
        dialling_nobody_fails
        a_taken_address_is_refused
        a_bad_address_is_named
        links_leave_no_task_behind
    ]
    talk: [
        a_hello_is_welcomed
        a_sender_reads_its_ack_then_its_message
        everyone_reads_the_same_order
        a_late_joiner_reads_on_without_a_seam
        a_join_brings_the_newest
        rooms_do_not_mix
        who_enters_and_who_leaves_is_told
    ]
    requests: [
        who_lists_the_members
        rooms_lists_the_rooms
        a_topic_is_an_entry_and_is_remembered
        history_gives_pages_backwards
        a_replay_sends_entries_again
        a_search_finds_words_anywhere
        what_a_program_says_is_marked
        a_tell_reaches_one_person
        a_ping_is_answered
    ]
    sessions: [
        a_resumed_session_misses_and_repeats_nothing
        a_resumed_session_never_left
        the_newest_link_has_the_session
        a_request_sent_twice_is_stored_once
        an_id_used_for_something_else_is_a_conflict
        a_bye_ends_the_session
        a_server_that_stops_says_goodbye
    ]
    refusals: [
        an_unknown_type_is_unsupported
        a_broken_frame_ends_a_reliable_link
        the_first_frame_is_a_hello
        another_protocol_is_refused
        a_wrong_password_is_refused
        names_are_checked
        a_session_is_not_taken_over
        a_name_has_one_owner
        texts_are_checked
        only_members_speak
        nobody_is_told_of_nobody
        a_replay_has_a_limit
    ]
}

/// Listens as [`Udp`] does, and dials without header.
struct WithoutHeader(Udp);

impl Transport for WithoutHeader {
    fn promises(&self) -> Promises {
        Promises { max_frame: MAX, ..self.0.promises() }
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        let limited = |incoming: Incoming| {
            let link: BoxLink = Box::pin(Limited(incoming.link));
            Incoming { link, peer: incoming.peer }
        };
        let listening = async move {
            let Listening { address, incoming } = self.0.listen(address).await?;
            Ok(Listening { address, incoming: incoming.map(limited).boxed() })
        };
        listening.boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async move {
            let host = HostPort::parse(address)?;
            let lookup = async { Ok((host.host.as_str(), host.port).to_socket_addrs()?.collect()) };
            let runtime = runtime();
            let found = host.resolve(lookup, std::time::Duration::from_secs(10), &*runtime).await?;
            let server = found[0];
            let any: SocketAddr =
                if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0; 16], 0).into() };
            let socket = Async::new(UdpSocket::bind(any)?)?;
            Ok(Box::pin(Link { socket, server, link: None, cookie: None, last: Bytes::new() }) as BoxLink)
        }
        .boxed()
    }
}

/// A client's end: what README's client over UDP does, for any frame that is an object.
struct Link {
    socket: Async<UdpSocket>,
    server: SocketAddr,
    link: Option<String>,
    cookie: Option<String>,
    last: Bytes,
}

impl Link {
    fn send_last(&self, with_cookie: bool) {
        let text = std::str::from_utf8(&self.last).unwrap_or_default();
        let Some(end) = text.rfind('}') else {
            let _ = self.socket.get_ref().send_to(&self.last, self.server); // not a frame, as some checks want it
            return;
        };
        let mut datagram = text[..end].to_owned();
        let cookie = self.cookie.as_ref().filter(|_| with_cookie);
        for (name, value) in [("cookie", cookie), ("link", self.link.as_ref())] {
            if let Some(value) = value {
                let comma = if datagram.trim_end().ends_with('{') { "" } else { "," };
                datagram += &format!(r#"{comma}"{name}":"{value}""#);
            }
        }
        datagram += &text[end..];
        let _ = self.socket.get_ref().send_to(datagram.as_bytes(), self.server); // an error is a lost datagram
    }

    /// The frame in a datagram of the server, if it is one.
    fn frame_in(&mut self, datagram: &[u8]) -> Option<io::Result<Bytes>> {
        let value = serde_json::from_slice::<Value>(datagram).unwrap_or_default();
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        match value["type"].as_str() {
            Some("challenge") => {
                self.cookie = text("cookie");
                self.send_last(true);
                None
            }
            Some("undelivered") => None, // a check sends the same frame again and again
            Some("gone") if self.link.is_some() && text("link") == self.link => {
                Some(Err(io::ErrorKind::ConnectionReset.into()))
            }
            Some("welcome") => {
                self.link = text("link");
                let added = format!(r#","link":"{}""#, self.link.as_ref()?);
                Some(Ok(String::from_utf8_lossy(datagram).replace(&added, "").into()))
            }
            _ => Some(Ok(Bytes::copy_from_slice(datagram))),
        }
    }
}

impl Stream for Link {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let mut buffer = vec![0; 65_536];
        loop {
            match self.socket.get_ref().recv_from(&mut buffer) {
                Ok((len, _)) => {
                    if let Some(next) = self.frame_in(&buffer[..len]) {
                        return Poll::Ready(Some(next));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_readable(cx))?;
                }
                Err(_) => {} // of a datagram that was sent before
            }
        }
    }
}

impl Sink<Bytes> for Link {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        check(&frame)?;
        self.last = frame;
        // Only a hello without a token needs the cookie again: the server may not have seen it yet.
        self.send_last(self.link.is_none());
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A server's end that keeps to the limit of this form.
struct Limited(BoxLink);

impl Stream for Limited {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.0.poll_next_unpin(cx)
    }
}

impl Sink<Bytes> for Limited {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        check(&frame)?;
        self.0.start_send_unpin(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_close_unpin(cx)
    }
}

fn check(frame: &[u8]) -> io::Result<()> {
    if frame.len() <= MAX {
        return Ok(());
    }
    let words = format!("a frame of {} bytes, over the limit of {MAX}", frame.len());
    Err(io::Error::new(io::ErrorKind::InvalidInput, words))
}

/// The largest frame of the protocol (1.3): with both fields it fits a datagram.
const MAX: usize = 65_443;
