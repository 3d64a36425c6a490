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
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use chat_lab::{Lab, Missing};
use chat_testkit::needs::{self, Need};
use libtest_mimic::Arguments;

/// A lab can be entered here.
const LAB: Need = Need::Other("a lab", || {
    static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
    TRIED.get_or_init(can_be_entered).clone()
});

type Check = fn(&Lab);

const CHECKS: &[(&str, &[Need], Check)] = &[
    ("datagrams_have_the_fate_their_number_has", &[LAB], datagrams::fate_by_number),
    ("datagrams_take_as_long_as_asked", &[LAB], datagrams::delay),
    ("datagrams_pass_at_the_rate_asked_and_wait_in_the_queue", &[LAB], datagrams::rate),
    ("datagrams_that_are_corrupted_are_dropped_by_checksums", &[LAB], datagrams::corrupt),
    ("tcp_gets_everything_across_a_bad_link", &[LAB], links::tcp),
    ("a_closed_port_is_reported_across_the_link", &[LAB], links::refused),
    ("tcp_finds_the_mtu", &[LAB], links::mtu),
    ("tcp_sends_again_what_is_lost_and_the_rest_waits_for_it", &[LAB], retransmissions::with_loss),
    ("tcp_sends_again_what_is_corrupted", &[LAB], retransmissions::with_corruption),
    ("tcp_sends_nothing_again_if_nothing_is_lost", &[LAB], retransmissions::without),
    ("a_link_changes_while_it_runs", &[LAB], links::changes),
    ("a_link_says_how_much_processor_time_it_took", &[LAB], links::busy),
    ("there_is_one_link_at_a_time", &[LAB], links::one_at_a_time),
    ("a_capture_has_what_was_counted", &[LAB], pcapng::capture),
    ("wireshark_counts_the_same_in_a_capture", &[LAB, Need::Tool("capinfos")], pcapng::counted_by_wireshark),
    ("iperf3_measures_the_rate_of_tcp", &[LAB, Need::Tool("iperf3")], iperf::tcp),
    ("iperf3_measures_the_loss_of_udp", &[LAB, Need::Tool("iperf3")], iperf::udp),
    ("a_killed_program_leaves_nothing_behind", &[LAB], leftovers::none),
    ("a_killed_example_leaves_nothing_behind", &[LAB, leftovers::EXAMPLE], leftovers::none_of_the_example),
    ("threads_are_refused", &[LAB], leftovers::threads),
];

/// For each check; the longest takes four seconds on an idle machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let inside_of: Option<String> = env::args().skip_while(|it| it != INSIDE).nth(1);
    if let Some(name) = inside_of {
        inside(&name);
        return ExitCode::SUCCESS;
    }
    let trial = |(name, needs, _): &(&'static str, &'static [Need], Check)| {
        let name = *name;
        needs::trial(name, needs, move || assert!(in_a_process(name), "see above"))
    };
    // One after the other: they measure time.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    needs::run_with(&arguments, CHECKS.iter().map(trial).collect())
}

/// Tries it in a process of its own, since a lab is entered for good. Returns why it is not possible.
fn can_be_entered() -> Result<(), String> {
    let tried = myself(PROBE).output().map_err(|error| error.to_string())?;
    let why = String::from_utf8_lossy(&tried.stdout).trim_end().to_owned();
    if why.is_empty() { Ok(()) } else { Err(why) }
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
    let lab = Lab::enter();
    if name == PROBE {
        match lab {
            Ok(_) => return,
            Err(why @ (Missing::Linux | Missing::Tun(_) | Missing::Namespace(_))) => {
                return println!("{why}");
            }
            Err(why) => panic!("{why}"),
        }
    }
    let check = CHECKS.iter().find(|(known, ..)| *known == name).expect("there is this check").2;
    check(&lab.unwrap_or_else(|why| panic!("{why}")));
}

/// Asks whether a lab can be entered, instead of a check.
const PROBE: &str = "probe";
const INSIDE: &str = "--inside";
