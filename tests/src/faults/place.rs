//! File systems of our own, which nobody else sees and which are gone with us, whatever happens to us.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::{PATIENCE, eventually};

/// A namespace of mounts. A process that waits for us to end keeps it open, and it takes its mounts and their loop
/// devices with it.
#[derive(Debug)]
pub(super) struct Place {
    keeper: Child,
    /// Where its file system is mounted, as it sees it.
    mount: PathBuf,
}

impl Place {
    /// # Errors
    /// Why there is none to be had here.
    pub(super) fn new(scratch: &Path) -> Result<Place, String> {
        let mount = scratch.join("mount");
        fs::create_dir_all(&mount).map_err(|error| error.to_string())?;
        let keeper = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", "echo; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut keeper = keeper.map_err(|error| format!("unshare: {error}"))?;
        let mut line = [0];
        let there = io::Read::read_exact(keeper.stdout.as_mut().expect("it is piped"), &mut line);
        let place = Place { keeper, mount };
        there.map(|()| place).map_err(|_| "unshare --mount is not permitted".to_owned())
    }

    /// The words that run a command in there; its process becomes that of the command, and is killed when the thread
    /// that started it ends: else a server could outlive us, and keep its disk.
    pub(super) fn through(&self) -> Vec<OsString> {
        let namespace = format!("--mount=/proc/{}/ns/mnt", self.keeper.id());
        ["nsenter", &namespace, "--", "setpriv", "--pdeathsig", "KILL", "--"].map(OsString::from).to_vec()
    }

    /// The mounted file system, as what runs in there sees it.
    pub(super) fn inside(&self) -> &Path {
        &self.mount
    }

    /// The same, as we see it.
    pub(super) fn outside(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.keeper.id());
        Path::new(&root).join(self.mount.strip_prefix("/").unwrap_or(&self.mount))
    }

    pub(super) fn mount(&self, words: &[&str]) -> Result<(), String> {
        self.run(&[&["mount"], words, &[&self.mount.to_string_lossy()]].concat())
    }

    /// Waits for as long as something is still open there.
    pub(super) fn unmount(&self) -> Result<(), String> {
        eventually("it can be unmounted", PATIENCE, || {
            self.run(&["umount", &self.mount.to_string_lossy()]).ok()
        })
    }

    /// Runs a command in there to its end.
    pub(super) fn run(&self, words: &[&str]) -> Result<(), String> {
        let through = self.through();
        let done = Command::new(&through[0]).args(&through[1..]).args(words).stdin(Stdio::null()).output();
        match done {
            Ok(it) if it.status.success() => Ok(()),
            Ok(it) => Err(format!("{words:?}: {}", String::from_utf8_lossy(&it.stderr).trim())),
            Err(error) => Err(format!("{words:?}: {error}")),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
