//! Key files that are made, kept and refused.

use std::os::unix::fs::PermissionsExt;

use chat_testkit::virtual_time::VirtualTime;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_key_is_made_at_the_first_use_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat/key");
    let runtime = VirtualTime::new(1).shared();
    let key = StaticKey::in_file(&path, &*runtime).unwrap();
    assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, key.private().to_vec()));
    assert_eq!(StaticKey::in_file(&path, &*runtime).unwrap().id(), key.id());
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");
}

#[test]
fn a_key_that_another_program_made_meanwhile_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let runtime = VirtualTime::new(2).shared();
    let first = StaticKey::in_file(&path, &*runtime).unwrap();
    let other = StaticKey::generate(&*runtime).keep_in(&path, &*runtime);
    assert!(
        matches!(other, Err(KeyFileError::Io { error, .. }) if error.kind() == io::ErrorKind::AlreadyExists)
    );
    assert_eq!(StaticKey::in_file(&path, &*runtime).unwrap().id(), first.id());
    assert_eq!(read(&path).unwrap().id(), first.id());
}

#[test]
fn a_file_that_others_can_read_or_that_is_no_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let runtime = VirtualTime::new(3).shared();
    StaticKey::in_file(&path, &*runtime).unwrap();
    let shown = path.display();
    for open in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        let error = StaticKey::in_file(&path, &*runtime).unwrap_err().to_string();
        let words = "other people of this machine can read the key in";
        assert_eq!(error, format!("{words} {shown}; run `chmod 600 {shown}`, or remove it for a new key"));
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    for len in [0, 31, 33, 5000] {
        fs::write(&path, vec![7; len]).unwrap();
        let error = StaticKey::in_file(&path, &*runtime).unwrap_err().to_string();
        let rest = "put it back from a copy, or remove it for a new key";
        assert_eq!(error, format!("{shown} has {len} bytes and a key has 32; {rest}"));
        assert_eq!(fs::read(&path).unwrap().len(), len, "it is left alone");
    }
    let inside = path.join("key");
    let error = StaticKey::in_file(&inside, &*runtime).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("the key in {} cannot be read or made: ", inside.display())),
        "{error}"
    );
}
