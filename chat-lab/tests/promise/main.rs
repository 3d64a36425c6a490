//! The emulator keeps its promises to real sockets. Each check runs in a process of its own, inside the lab.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

mod datagrams;
mod iperf;
mod leftovers;
mod links;
mod network;
mod pcapng;
mod retransmissions;

use std::{
    env,
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use chat_lab::{Lab, Missing};
use libtest_mimic::{Arguments, Trial};

type Check = fn(&Lab);

const CHECKS: &[(&str, Check)] = &[
    ("datagrams_have_the_fate_their_number_has", datagrams::fate_by_number),
    ("datagrams_take_as_long_as_asked", datagrams::delay),
    ("datagrams_pass_at_the_rate_asked_and_wait_in_the_queue", datagrams::rate),
    ("datagrams_that_are_corrupted_are_dropped_by_checksums", datagrams::corrupt),
    ("tcp_gets_everything_across_a_bad_link", links::tcp),
    ("a_closed_port_is_reported_across_the_link", links::refused),
    ("tcp_finds_the_mtu", links::mtu),
    ("tcp_sends_again_what_is_lost_and_the_rest_waits_for_it", retransmissions::with_loss),
    ("tcp_sends_again_what_is_corrupted", retransmissions::with_corruption),
    ("tcp_sends_nothing_again_if_nothing_is_lost", retransmissions::without),
    ("a_link_changes_while_it_runs", links::changes),
    ("a_link_says_how_much_processor_time_it_took", links::busy),
    ("there_is_one_link_at_a_time", links::one_at_a_time),
    ("a_capture_has_what_was_counted", pcapng::capture),
    ("iperf3_measures_the_rate_of_tcp", iperf::tcp),
    ("iperf3_measures_the_loss_of_udp", iperf::udp),
    ("a_killed_program_leaves_nothing_behind", leftovers::none),
    ("threads_are_refused", leftovers::threads),
];

/// For each check; the longest takes four seconds on an idle machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let inside_of: Option<String> = env::args().skip_while(|it| it != INSIDE).nth(1);
    if let Some(name) = inside_of {
        inside(&name);
        return ExitCode::SUCCESS;
    }
    let trial = |(name, _): &(&'static str, Check)| {
        let name = *name;
        Trial::test(name, move || in_a_process(name).then_some(()).ok_or_else(|| "see above".into()))
    };
    // One after the other: they measure time.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, CHECKS.iter().map(trial).collect()).exit_code()
}

fn in_a_process(name: &str) -> bool {
    let mut child = myself(name).spawn().expect("this program can be run again");
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return status.success();
        }
        thread::sleep(Duration::from_millis(5));
    }
    eprintln!("{name}: took longer than {DEADLINE:?}");
    child.kill().and_then(|()| child.wait()).expect("it is our child");
    false
}

fn myself(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("there is this program"));
    command.args([INSIDE, name]).stdin(Stdio::null());
    command
}

fn inside(name: &str) {
    if name == leftovers::VICTIM {
        return leftovers::victim();
    }
    let check = CHECKS.iter().find(|it| it.0 == name).expect("there is this check").1;
    match Lab::enter() {
        Ok(lab) => check(&lab),
        Err(why @ (Missing::Linux | Missing::Tun(_) | Missing::Namespace(_))) => println!("skipped: {why}"),
        Err(why) => panic!("{why}"),
    }
}

const INSIDE: &str = "--inside";
