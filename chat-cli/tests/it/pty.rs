//! The program in a terminal of some size, and what is to be seen there.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
};

use super::process::{self, in_time, program};

/// A terminal, as the one who sits in front of it and as the programs in it have it.
pub(crate) fn terminal(columns: u16, rows: u16) -> (File, File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    // No program gets our end of it, which would keep the terminal open.
    #[cfg(target_os = "linux")]
    let flags = flags | OpenptFlags::CLOEXEC;
    let ours = openpt(flags).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    tcsetwinsize(&ours, size(columns, rows)).unwrap();
    let path = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let theirs = OpenOptions::new().read(true).write(true).open(path).unwrap();
    (File::from(ours), theirs)
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}

/// The program, on a screen that can be looked at.
pub(crate) struct Screen {
    pub(crate) child: Option<Child>,
    ours: File,
    /// Kept open, so that its modes can be looked at when the program has ended.
    theirs: File,
    modes_before: Termios,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

/// What was printed, and what a terminal makes of it.
struct Shown {
    parser: vt100::Parser,
    printed: Vec<u8>,
}

impl Screen {
    pub(crate) fn start(columns: u16, rows: u16, args: &[&str]) -> Screen {
        Screen::of(columns, rows, program().args(args))
    }

    /// As it is started by `chat`.
    pub(crate) fn of(columns: u16, rows: u16, chat: &mut Command) -> Screen {
        let (ours, theirs) = terminal(columns, rows);
        let modes_before = tcgetattr(&theirs).unwrap();
        let stdio = || Stdio::from(theirs.try_clone().unwrap());
        if !chat.get_envs().any(|(name, _)| name == "TERM") {
            chat.env("TERM", "xterm-256color");
        }
        let prints_lines = chat.get_args().any(|it| it == "--plain" || it == "--json");
        let child = chat
            .env("TZ", "UTC")
            .env_remove("NO_COLOR")
            // None of it may be seen on a screen, and none of it hides what is printed elsewhere.
            .env("RUST_LOG", if prints_lines { "off" } else { "trace" })
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            // A job of its own, as a shell starts it: what stops the job stops no test.
            .process_group(0)
            .spawn()
            .unwrap();
        let (shown_rows, shown_columns) = if rows == 0 { (24, 80) } else { (rows, columns) };
        let parser = vt100::Parser::new(shown_rows, shown_columns, 0);
        let shown = Arc::new((Mutex::new(Shown { parser, printed: Vec::new() }), Condvar::new()));
        let (mut reader, read_into) = (ours.try_clone().unwrap(), shown.clone());
        thread::spawn(move || {
            let mut bytes = [0; 65536];
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                let mut shown = read_into.0.lock().unwrap();
                shown.parser.process(&bytes[..length]);
                shown.printed.extend_from_slice(&bytes[..length]);
                read_into.1.notify_all();
            }
        });
        Screen { child: Some(child), ours, theirs, modes_before, shown }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        // The one that reads it does not take every size.
        self.shown.0.lock().unwrap().parser.screen_mut().set_size(rows.max(10), columns.max(20));
        tcsetwinsize(&self.ours, size(columns, rows)).unwrap();
        // It is not the terminal the program was started from, so nobody else tells it.
        self.signal("-WINCH");
    }

    pub(crate) fn signal(&self, signal: &str) {
        process::signal(self.child.as_ref().unwrap(), signal);
    }

    /// Waits until the program is stopped.
    #[cfg(target_os = "linux")]
    pub(crate) fn stopped(&self) {
        let status = format!("/proc/{}/status", self.child.as_ref().unwrap().id());
        in_time(move || while !std::fs::read_to_string(&status).unwrap().contains("T (stopped)") {});
    }

    /// Waits until what is to be seen is `as_wanted`, and returns it.
    pub(crate) fn wait(&self, what: &str, as_wanted: impl Fn(&vt100::Screen) -> bool) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut shown = self.shown.0.lock().unwrap();
        loop {
            if as_wanted(shown.parser.screen()) {
                return shown.parser.screen().contents();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {what} on\n{}", shown.parser.screen().contents());
            shown = self.shown.1.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// Waits until `text` is to be seen.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contents().contains(text))
    }

    /// Waits until `text` is no more to be seen.
    pub(crate) fn wait_without(&self, text: &str) -> String {
        self.wait(&format!("end of {text}"), |screen| !screen.contents().contains(text))
    }

    /// Everything that was printed so far.
    pub(crate) fn printed(&self) -> Vec<u8> {
        self.shown.0.lock().unwrap().printed.clone()
    }

    /// Gives the terminal the modes that it was in before the program.
    pub(crate) fn restore_modes(&self) {
        tcsetattr(&self.theirs, OptionalActions::Now, &self.modes_before).unwrap();
    }

    /// Whether the terminal is in the modes that it was in before the program.
    pub(crate) fn has_its_modes(&self) -> bool {
        let (modes, before) = (tcgetattr(&self.theirs).unwrap(), &self.modes_before);
        modes.local_modes == before.local_modes
            && modes.input_modes == before.input_modes
            && modes.output_modes == before.output_modes
            && modes.local_modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }

    /// Waits until the program has the terminal in its own modes: what is typed before that is for the shell. A terminal
    /// tells nobody when its modes change, so they are looked at again and again.
    pub(crate) fn wait_for_own_modes(&self) {
        let has_own = || !tcgetattr(&self.theirs).unwrap().local_modes.contains(LocalModes::ICANON);
        let until = Instant::now() + Duration::from_secs(20);
        while !has_own() {
            assert!(Instant::now() < until, "the terminal is not the program's again");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end of the program, and for a terminal that is as it was.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let status = in_time(move || child.wait().unwrap());
        self.wait("terminal as it was before", |screen| {
            let is_plain = screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None;
            is_plain && !screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor()
        });
        assert!(self.has_its_modes());
        status
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
