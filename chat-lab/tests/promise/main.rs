//! The emulator held to its promise with real sockets. Each check runs in a process of its own, inside the lab.

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
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--inside") => inside(&arguments[1]),
        Some("--list") => CHECKS.iter().for_each(|(name, _)| println!("{name}: test")),
        _ => return all(&arguments),
    }
    ExitCode::SUCCESS
}

/// Runs those whose name has what was asked for, one after the other: they measure time.
fn all(arguments: &[String]) -> ExitCode {
    let wanted: Vec<&String> = arguments.iter().filter(|it| !it.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|it| name.contains(it.as_str()));
    let began = Instant::now();
    let (mut passed, mut failed) = (0, 0);
    println!("\nrunning {} tests", CHECKS.iter().filter(|it| is_wanted(it.0)).count());
    for (name, _) in CHECKS.iter().filter(|it| is_wanted(it.0)) {
        let succeeded = in_a_process(name);
        println!("test {name} ... {}", if succeeded { "ok" } else { "FAILED" });
        *(if succeeded { &mut passed } else { &mut failed }) += 1;
    }
    let (result, time) = (if failed == 0 { "ok" } else { "FAILED" }, began.elapsed().as_secs_f64());
    println!(
        "\ntest result: {result}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out; \
         finished in {time:.2}s\n",
        CHECKS.len() - passed - failed
    );
    ExitCode::from(if failed == 0 { 0 } else { 101 })
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
    command.args(["--inside", name]).stdin(Stdio::null());
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
