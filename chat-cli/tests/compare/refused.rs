//! Impossible comparisons are refused with the name of the wrong argument.

use std::{fs, os::unix::process::CommandExt};

use super::*;

pub(crate) fn impossible() {
    for (args, words) in [
        (&["--condition", "loss=101%"][..], "--condition"),
        (&["--condition", "delay=1ms;jitter=2ms"], "--condition"),
        (&["--condition", "speed=1"], "--condition"),
        (&["--scenario", "party"], "--scenario"),
        (&["--contestants", "tcp,quic"], "--contestants"),
        (&["--people", "1"], "--people"),
        (&["--people", "10001"], "--people"),
        (&["--rooms", "0"], "--rooms"),
        (&["--people", "4", "--rooms", "3"], "--rooms"),
        (&["--speakers", "51"], "--speakers"),
        (&["--rate", "0"], "--rate"),
        (&["--rate", "NaN"], "--rate"),
        (&["--rate", "1", "--window", "2"], "--rate"),
        (&["--burst", "0"], "--burst"),
        (&["--window", "0"], "--window"),
        (&["--size", "9"], "--size"),
        (&["--size", "100..50"], "--size"),
        (&["--size", "8193"], "--size"),
        (&["--size", "much"], "--size"),
        (&["--lasts", "1ms"], "--lasts"),
        (&["--lasts", "soon"], "--lasts"),
        (&["--repeat", "0"], "--repeat"),
        (&["--link", "rope"], "--link"),
        (&["--server", "quic://somewhere"], "--server"),
        (&["--server", "tcp://somewhere", "--condition", "loss=1%"], "--condition"),
    ] {
        let said = output(program(&[&["compare"], args].concat()));
        let errors = text(&said.stderr);
        assert_eq!(said.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains(words), "{args:?}: {errors}");
        assert_eq!(text(&said.stdout), "");
    }
}

/// Where only root may make devices, the error names the device and the alternatives.
pub(crate) fn not_permitted() {
    let folder = tempfile::tempdir().unwrap();
    let ours = env::current_exe().unwrap();
    let copy = folder.path().join("chat");
    fs::copy(ours, &copy).unwrap();
    let for_all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), for_all).unwrap();
    let mut command = Command::new(copy);
    command.args(["compare", "--lasts", "100ms", "--people", "2", "--contestants", "tcp"]);
    command.env(IS_THE_PROGRAM, "").env("XDG_CONFIG_HOME", "/nowhere").current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let said = output(command);
    let errors = text(&said.stderr);
    match said.status.code() {
        // Some systems let every user make devices.
        Some(0) => assert!(text(&said.stdout).contains("tcp"), "a comparison is printed: {errors}"),
        code => {
            assert_eq!((code, errors.lines().count()), (Some(1), 1), "{errors}");
            for words in ["/dev/net/tun", "--link loopback", "--server URL"] {
                assert!(errors.contains(words), "{errors}");
            }
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

const NOBODY: u32 = 65534;
