//! Settings: which of several holds, and what is said about wrong ones.

use std::{collections::HashMap, fs};

use super::{file::TEMPLATE, *};

fn resolve(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, text).unwrap();
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    let settings = Settings::resolve(Some(path.clone()), |name| environment.get(name).map(OsString::from));
    let place = format!("{}:", path.display());
    settings.map_err(|why| format!("{why:#}").replace(&place, ""))
}

fn name(raw: &str) -> PersonName {
    PersonName::parse(raw).unwrap()
}

#[test]
fn without_anything_it_is_as_it_always_was() {
    let settings = Settings::resolve(None, |_| None).unwrap();
    assert_eq!(settings.name, Setting { value: None, origin: Origin::BuiltIn });
    assert_eq!(settings.rooms(Vec::new()), [lobby()]);
    assert_eq!(settings.server(None).to_string(), "tcp://127.0.0.1:7000");
    assert_eq!(settings.colours.value, Colours::Auto);
    assert_eq!(settings.notifications.value, Notifications::On);
    assert_eq!(settings.password_file.value, None);
    assert!(!settings.is_there);
}

#[test]
fn the_environment_stands_above_the_file_and_flags_above_both() {
    let text = "# mine\nname = \"ana\"\n\nrooms = [\n  \"hall\",\n  \"kitchen\",\n]\nserver = \"10.0.0.1\"\n";
    let environment = [("CHAT_NAME", "eva"), ("CHAT_ROOMS", ""), ("CHAT_SERVER", "udp://hall:7")];
    let settings = resolve(text, &environment).unwrap();
    assert_eq!(settings.name, Setting { value: Some(name("eva")), origin: Origin::Environment("CHAT_NAME") });
    assert_eq!(settings.rooms.origin, Origin::File(4), "an empty variable is none");
    assert_eq!(settings.rooms(Vec::new()).len(), 2);
    assert_eq!(settings.server(None).to_string(), "udp://hall:7");
    assert_eq!(settings.server(Some("tcp://a:1".parse().unwrap())).to_string(), "tcp://a:1");
    assert_eq!(settings.rooms(vec![lobby()]), [lobby()]);
    let settings = resolve(text, &[("CHAT_ROOMS", "lobby, 厨房")]).unwrap();
    assert_eq!(settings.server.value.to_string(), "tcp://10.0.0.1:7000", "read as on the command line");
    assert_eq!(settings.rooms.value[1].as_str(), "厨房");
    let flags = Person { name: Some(name("bob")), password_file: None, usual_name: None };
    let person = settings.person(flags);
    assert_eq!((person.name, person.usual_name), (Some(name("bob")), Some(name("ana"))));
}

#[test]
fn a_password_file_is_looked_for_beside_the_settings() {
    let of = |text: &str, variable: &str| {
        let settings = resolve(text, &[("CHAT_PASSWORD_FILE", variable)]).unwrap();
        settings.password_file.value.unwrap()
    };
    let home = etcetera::home_dir().unwrap();
    assert!(of("password_file = 'secret'", "").is_absolute());
    assert_eq!(of("password_file = '/etc/secret'", ""), Path::new("/etc/secret"));
    assert_eq!(of("password_file = '~/secret'", ""), home.join("secret"));
    assert_eq!(of("password_file = '~/secret'", "secret"), Path::new("secret"));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, said) in [
        ("\nname = \"two words\"", "2: this is no name: "),
        ("name = 'ana'\nrooms = ['lobby',\n  'two words']", "3: this is no name of a room: "),
        ("\n\nserver = '7000'", "3: this is no server: it names no host"),
        ("name = 3", "1: invalid type: integer `3`, expected a string"),
        ("rooms = 'lobby'", "1: invalid type: string"),
        ("name = 'ana'\nnmae = 'eva'", "2: there is no setting `nmae`"),
        ("[name]\n", "1: invalid type: map"),
        ("colours = 'green'", "1: colours are auto, always or never"),
        ("notifications = true", "1: invalid type: boolean `true`"),
        ("notifications = 'yes'", "1: notifications are on or off"),
        ("password_file = ''", "1: this is no file"),
        ("name = 'ana'\nname = 'eva'", "2: duplicate key"),
        ("name = 'ana'\nname = ", "2: "),
        ("name = \"ana", "1: "),
    ] {
        let why = resolve(text, &[]).unwrap_err();
        assert!(why.starts_with(said), "{text:?}: {why}");
        assert!(!why.contains('\n'), "{why}");
    }
    for (variable, raw, said) in [
        ("CHAT_NAME", "two words", "CHAT_NAME: this is no name: "),
        ("CHAT_ROOMS", "lobby,,hall", "CHAT_ROOMS: this is no name of a room: it is empty"),
        ("CHAT_COLOURS", "no", "CHAT_COLOURS: colours are "),
    ] {
        let why = resolve("", &[(variable, raw)]).unwrap_err();
        assert!(why.starts_with(said), "{why}");
    }
}

#[test]
fn a_file_that_is_none_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let why = |path: &Path| format!("{:#}", file::read(path).unwrap_err());
    assert!(why(folder.path()).contains("it is no file"));
    let path = folder.path().join("config.toml");
    assert!(file::read(&path).unwrap().is_none());
    assert!(file::read(&path.join("below a file")).unwrap().is_none());
    fs::write(&path, b"# \n# \xff").unwrap();
    assert!(why(&path).ends_with("config.toml:2: it is not UTF-8"));
    fs::write(&path, vec![b'#'; 65 << 10]).unwrap();
    assert!(why(&path).contains("longer than 65536 bytes"));
}

#[test]
fn the_file_to_begin_with_says_what_holds_anyway() {
    let meant: String = TEMPLATE.lines().map(|it| it.strip_prefix("# ").unwrap_or(it)).fold(
        String::new(),
        |mut text, line| {
            let is_setting = line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
            text.push_str(if is_setting { line } else { "" });
            text.push('\n');
            text
        },
    );
    let (settings, nothing) = (resolve(&meant, &[]).unwrap(), resolve(TEMPLATE, &[]).unwrap());
    assert_eq!(settings.rooms.value, nothing.rooms.value);
    assert_eq!(settings.server.value, nothing.server.value);
    assert_eq!(settings.colours.value, nothing.colours.value);
    assert_eq!(settings.notifications.value, nothing.notifications.value);
    for origin in [settings.name.origin, settings.colours.origin, settings.password_file.origin] {
        assert!(matches!(origin, Origin::File(_)), "the file to begin with names every setting");
    }
}

#[test]
fn a_name_is_added_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep").join("config.toml");
    file::remember(&path, &name("ana")).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "name = \"ana\"\n");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    fs::write(&path, "# mine\ncolours = \"never\" # never").unwrap();
    file::remember(&link, &name("语言")).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\ncolours = \"never\" # never\nname = \"语言\"\n");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(file::remember(&path, &name("eva")).is_err(), "there is one already");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}
