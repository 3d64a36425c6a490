//! Loss, delay and rate as iperf3 measures them.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use chat_lab::{Lab, Running};

use crate::network::link;

/// The JSON that iperf3 prints after two seconds.
fn iperf3(link: &Running, arguments: &[&str]) -> String {
    let serve =
        Command::new("iperf3").args(["--server", "--one-off", "--forceflush"]).stdout(Stdio::piped()).spawn();
    let mut server = serve.expect("it is installed");
    wait_until_it_listens(&mut server);
    let client = Command::new("iperf3")
        .args(["--client", &link.server_address().to_string(), "--time", "2", "--json"])
        .args(arguments)
        .output()
        .expect("it is installed");
    server.wait().expect("it is our child");
    let said = String::from_utf8_lossy(&client.stdout).into_owned();
    assert!(client.status.success(), "{said}");
    said
}

fn wait_until_it_listens(server: &mut Child) {
    let output = BufReader::new(server.stdout.as_mut().expect("it is piped"));
    assert!(output.lines().map_while(Result::ok).any(|line| line.contains("listening")), "it listens");
}

/// The last number of this name.
fn number(json: &str, name: &str) -> f64 {
    let (_, rest) = json.rsplit_once(&format!("\"{name}\":")).expect("iperf3 says it");
    let end = rest.find([',', '\n', '}']).expect("JSON ends");
    rest[..end].trim().parse().expect("it is a number")
}

pub(crate) fn tcp(lab: &Lab) {
    let link = link(lab, "delay=5ms,rate=20mbit,queue=50kB");
    let json = iperf3(&link, &[]);
    let (_, received) = json.rsplit_once("\"sum_received\":").expect("iperf3 says it");
    let rate = number(&received[..received.find('}').expect("JSON ends") + 1], "bits_per_second") / 1e6;
    // What it counts has no headers: 1,448 of 1,500 bytes.
    assert!((15.0..=19.6).contains(&rate), "{rate} Mbit/s");
    println!("iperf3: {rate:.2} Mbit/s of TCP payload through 20 Mbit/s (19.3 without headers)");
}

pub(crate) fn udp(lab: &Lab) {
    let link = link(lab, "delay=5ms,loss=5%");
    let arguments = ["--udp", "--bitrate", "10M", "--length", "500"];
    let json = iperf3(&link, &arguments);
    let lost = number(&json, "lost_percent");
    // Five standard deviations of 5,000 datagrams.
    assert!((3.4..=6.6).contains(&lost), "{lost}%");
    println!("iperf3: {lost:.2}% of datagrams lost of 5% asked");
}
