//! No circle of imports between the files of a crate, as far as the text of the files shows it.
//!
//! A file is a node. It points to the file that defines what it names with `crate::`, `super::`, `self::` or the name of a
//! module; a name that a file only passes on with `use` counts for the file behind it. A module may use the modules within
//! it, which is no import; they may not use each other, or it, in a circle. Tests of a module are left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    parse::{File, Import, is_word_of},
    workspace,
};

/// The crates that have no circle.
const WITHOUT_CIRCLES: [&str; 11] = [
    "chat-cli",
    "chat-core",
    "chat-discovery",
    "chat-front",
    "chat-lab",
    "chat-measure",
    "chat-secure",
    "chat-sqlite",
    "chat-tcp",
    "chat-testkit",
    "chat-tui",
];

#[test]
fn no_files_import_each_other_in_a_circle() {
    for name in WITHOUT_CIRCLES {
        let sources = Sources::of(&workspace().join(name).join("src"));
        assert!(sources.edges().len() > 2, "this test finds the imports of {name}");
        assert_eq!(
            sources.circle(),
            None,
            "{name}: each file imports from the next one, the last from the first"
        );
    }
}

#[test]
fn a_circle_is_found_and_what_is_none_is_not() {
    let circle = |files: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Sources::of(folder.path()).circle()
    };
    let root = ("lib.rs", "mod a; mod b;");
    let a = ("a.rs", "use crate::b::{B, c::C};\npub struct A;");
    assert_eq!(circle(&[root, a, ("b.rs", "pub mod c;")]), None);
    let back = ("b.rs", "pub mod c;\nfn f() { super::a::A }");
    assert_eq!(circle(&[root, a, back]), Some(vec!["a".to_owned(), "b".to_owned()]));
    let deep = ("b/c.rs", "use crate::a::A;\npub struct C;");
    assert_eq!(
        circle(&[root, a, ("b.rs", "pub mod c;"), deep]),
        Some(vec!["a".to_owned(), "b::c".to_owned()])
    );
    // Passed on by the root: the file that defines it counts.
    let root = ("lib.rs", "mod a; mod b; pub use a::A; use b::B;");
    assert_eq!(circle(&[root, ("a.rs", "pub struct A;"), ("b.rs", "use crate::A;\npub struct B;")]), None);
    // Neither a test nor a text imports anything.
    let test = "pub struct A; // use crate::b::B;\nconst T: &str = \"crate::b::B\";\n#[cfg(test)]\nmod tests { use crate::b::B; }";
    assert_eq!(circle(&[root, ("a.rs", test), ("b.rs", "use crate::A;\npub struct B;")]), None);
    let tests = ("a.rs", "pub struct A;\n#[cfg(test)]\nmod tests;");
    assert_eq!(
        circle(&[root, tests, ("a/tests.rs", "use crate::b::B;"), ("b.rs", "use crate::A;\npub struct B;")]),
        None
    );
}

/// The files of a crate by the path of their module; that of the crate itself is empty.
struct Sources(BTreeMap<String, File>);

impl Sources {
    fn of(folder: &Path) -> Sources {
        let mut files = BTreeMap::new();
        let mut tests = BTreeSet::new();
        read(folder, "", &mut files, &mut tests);
        files
            .retain(|module, _| !tests.iter().any(|test: &String| module == test || is_within(module, test)));
        Sources(files)
    }

    /// From which file to which others there are imports.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges = BTreeMap::new();
        for (module, file) in &self.0 {
            // What the file only passes on is no import of its own.
            let is_used = |import: &&Import| !import.is_public || is_word_of(&import.name, &file.code);
            let used = file.uses.iter().filter(is_used).map(|import| &import.path);
            let targets = used.chain(&file.named).filter_map(|path| self.target(module, path, 0));
            let targets = targets.filter(|target| *target != module && !is_within(target, module));
            edges.insert(module.as_str(), targets.collect());
        }
        edges
    }

    /// The file that defines what `path` means in `module`, if it is one of this crate.
    fn target(&self, module: &str, path: &[String], depth: usize) -> Option<&str> {
        let mut rest = path;
        let mut at = match rest.first()?.as_str() {
            "crate" => String::new(),
            "self" | "super" => module.to_owned(),
            first if self.0.contains_key(&below(module, first)) => module.to_owned(),
            _ => return None,
        };
        if matches!(rest[0].as_str(), "crate" | "self") {
            rest = &rest[1..];
        }
        while rest.first().is_some_and(|segment| segment == "super") {
            at = at.rsplit_once("::").map_or(String::new(), |(parent, _)| parent.to_owned());
            rest = &rest[1..];
        }
        while let Some(next) =
            rest.first().map(|segment| below(&at, segment)).filter(|it| self.0.contains_key(it))
        {
            at = next;
            rest = &rest[1..];
        }
        let (here, file) = self.0.get_key_value(&at)?;
        let passed_on =
            rest.first().and_then(|wanted| file.uses.iter().find(|import| import.name == *wanted));
        match passed_on {
            Some(import) if depth < 8 => self.target(here, &import.path, depth + 1),
            _ => Some(here),
        }
    }

    /// One circle, if there is any: each of these imports from the next, and the last from the first.
    fn circle(&self) -> Option<Vec<String>> {
        let mut edges = self.edges();
        loop {
            let free: Vec<&str> =
                edges.iter().filter(|(_, targets)| targets.is_empty()).map(|(module, _)| *module).collect();
            if free.is_empty() {
                break;
            }
            edges.retain(|module, _| !free.contains(module));
            edges.values_mut().for_each(|targets| targets.retain(|target| !free.contains(target)));
        }
        // Every file that is left imports from one that is left, so a walk comes back.
        let mut walk = vec![*edges.keys().next()?];
        loop {
            let next = *edges[walk.last()?].first()?;
            if let Some(start) = walk.iter().position(|module| *module == next) {
                let mut circle: Vec<String> = walk.drain(start..).map(str::to_owned).collect();
                let least = circle.iter().enumerate().min_by_key(|(_, module)| *module)?.0;
                circle.rotate_left(least);
                return Some(circle);
            }
            walk.push(next);
        }
    }
}

/// The path of a module within another.
fn below(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

fn is_within(module: &str, other: &str) -> bool {
    other.is_empty() || module.strip_prefix(other).is_some_and(|rest| rest.starts_with("::"))
}

/// Reads the files of a folder, whose modules are below `module`, and notes which modules are only tests.
fn read(folder: &Path, module: &str, files: &mut BTreeMap<String, File>, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("a folder can be read").path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !(module.is_empty() && name == "bin") {
            read(&path, &below(module, name), files, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let here = match name {
                "lib" | "main" | "mod" => module.to_owned(),
                _ => below(module, name),
            };
            let text = fs::read_to_string(&path).expect("a file can be read");
            let (file, own_tests) = File::parse(&text);
            tests.extend(own_tests.iter().map(|test| below(&here, test)));
            let known: &mut File = files.entry(here).or_default();
            known.uses.extend(file.uses);
            known.named.extend(file.named);
            known.code.push_str(&file.code);
        }
    }
}
