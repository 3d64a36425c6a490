//! Settings: which value takes precedence, and the errors for invalid values.

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
fn without_settings_the_defaults_hold() {
    let settings = Settings::resolve(None, |_| None).unwrap();
    assert_eq!(settings.name, Setting { value: None, origin: Origin::BuiltIn });
    assert_eq!(settings.rooms(Vec::new()), [lobby()]);
    assert_eq!(settings.server(None).to_string(), "tcp://127.0.0.1:7000");
    assert_eq!(settings.colours.value, Colours::Auto);
    assert_eq!(settings.notifications.value, Notifications::On);
    assert_eq!(settings.password_file.value, None);
    assert!(!settings.has_file);
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let text = "# mine\nname = \"ana\"\n\nrooms = [\n  \"hall\",\n  \"kitchen\",\n]\nserver = \"10.0.0.1\"\n";
    let environment = [("CHAT_NAME", "eva"), ("CHAT_ROOMS", ""), ("CHAT_SERVER", "udp://hall:7")];
    let settings = resolve(text, &environment).unwrap();
    assert_eq!(settings.name, Setting { value: Some(name("eva")), origin: Origin::Environment("CHAT_NAME") });
    assert_eq!(settings.rooms.origin, Origin::File(4), "an empty variable does not count");
    assert_eq!(settings.rooms(Vec::new()).len(), 2);
    assert_eq!(settings.server(None).to_string(), "udp://hall:7");
    assert_eq!(settings.server(Some("tcp://a:1".parse().unwrap())).to_string(), "tcp://a:1");
    assert_eq!(settings.rooms(vec![lobby()]), [lobby()]);
    let settings = resolve(text, &[("CHAT_ROOMS", "lobby, 厨房")]).unwrap();
    assert_eq!(settings.server.value.to_string(), "tcp://10.0.0.1:7000", "parsed as on the command line");
    assert_eq!(settings.rooms.value[1].as_str(), "厨房");
    let flags = Person { name: Some(name("bob")), ..Person::default() };
    let person = settings.person(flags);
    assert_eq!((person.name, person.usual_name), (Some(name("bob")), Some(name("ana"))));
}

#[test]
fn the_path_of_the_password_file_is_relative_to_the_settings_file() {
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
fn a_password_is_for_the_server_that_is_named_in_the_same_place() {
    let of = |text: &str, variables: &[(&str, &str)]| {
        resolve(text, variables).unwrap().password_server.map(|server| server.to_string())
    };
    let file = "password_file = '/a'\n";
    let both = "server = '10.0.0.1'\npassword_file = '/a'\n";
    assert_eq!(of(file, &[]), None);
    assert_eq!(of(both, &[]).as_deref(), Some("tcp://10.0.0.1:7000"));
    assert_eq!(of(both, &[("CHAT_SERVER", "b")]).as_deref(), Some("tcp://10.0.0.1:7000"));
    let variables = [("CHAT_SERVER", "b"), ("CHAT_PASSWORD_FILE", "/b")];
    assert_eq!(of(both, &variables).as_deref(), Some("tcp://b:7000"));
}

#[test]
fn errors_name_the_line() {
    for (text, said) in [
        ("\nname = \"two words\"", "2: not a valid name: "),
        ("name = 'ana'\nrooms = ['lobby',\n  'two words']", "3: not a valid room name: "),
        ("\n\nserver = '7000'", "3: not a valid server: there is no host"),
        ("name = 3", "1: invalid type: integer `3`, expected a string"),
        ("rooms = 'lobby'", "1: invalid type: string"),
        ("name = 'ana'\nnmae = 'eva'", "2: no setting is called `nmae`"),
        ("[name]\n", "1: invalid type: map"),
        ("colours = 'green'", "1: colours must be auto, always or never"),
        ("notifications = true", "1: invalid type: boolean `true`"),
        ("notifications = 'yes'", "1: notifications must be on or off"),
        ("password_file = ''", "1: not a file"),
        ("name = 'ana'\nname = 'eva'", "2: duplicate key"),
        ("name = 'ana'\nname = ", "2: "),
        ("name = \"ana", "1: "),
    ] {
        let why = resolve(text, &[]).unwrap_err();
        assert!(why.starts_with(said), "{text:?}: {why}");
        assert!(!why.contains('\n'), "{why}");
    }
    for (variable, raw, said) in [
        ("CHAT_NAME", "two words", "CHAT_NAME: not a valid name: "),
        ("CHAT_ROOMS", "lobby,,hall", "CHAT_ROOMS: not a valid room name: it is empty"),
        ("CHAT_COLOURS", "no", "CHAT_COLOURS: colours must be "),
    ] {
        let why = resolve("", &[(variable, raw)]).unwrap_err();
        assert!(why.starts_with(said), "{why}");
    }
}

#[test]
fn an_unreadable_file_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let why = |path: &Path| format!("{:#}", file::read(path).unwrap_err());
    assert!(why(folder.path()).contains("not a file"));
    let path = folder.path().join("config.toml");
    assert!(file::read(&path).unwrap().is_none());
    assert!(file::read(&path.join("below a file")).unwrap().is_none());
    fs::write(&path, b"# \n# \xff").unwrap();
    assert!(why(&path).ends_with("config.toml:2: not UTF-8"));
    fs::write(&path, vec![b'#'; 65 << 10]).unwrap();
    assert!(why(&path).contains("longer than 65536 bytes"));
}

#[test]
fn the_template_holds_the_defaults() {
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
        assert!(matches!(origin, Origin::File(_)), "the template has every setting");
    }
}

#[test]
fn a_name_is_added_and_the_rest_is_unchanged() {
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
    assert!(file::remember(&path, &name("eva")).is_err(), "the file has a name already");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
}
