//! The rules of the house that can be checked by looking at the tree.

mod imports;
mod names;
mod parse;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn the_core_knows_no_runtime() {
    let tree = dependencies(&["--package", "chat-core"]);
    for runtime in ["async-std", "async-io", "async-net", "smol", "tokio", "mio", "polling"] {
        assert!(!tree.contains(runtime), "chat-core depends on {runtime}");
    }
}

#[test]
fn nothing_points_back() {
    let core = dependencies(&["--package", "chat-core"]);
    let tcp = dependencies(&["--package", "chat-tcp"]);
    let udp = dependencies(&["--package", "chat-udp"]);
    assert!(tcp.contains("chat-core") && udp.contains("chat-core"), "this test reads the tree: {tcp:?}");
    for (from, tree) in [("chat-core", &core), ("chat-tcp", &tcp), ("chat-udp", &udp)] {
        for to in ["chat-cli", "chat-testkit", "chat-tests", "chat-tcp", "chat-udp"] {
            assert!(from == to || !tree.contains(to), "{from} depends on {to}");
        }
    }
}

#[test]
fn the_suite_brings_no_runtime() {
    for library in ["chat-testkit", "chat-tests"] {
        let tree = dependencies(&["--package", library]);
        assert!(tree.contains("chat-core"), "this test reads the tree: {tree:?}");
        for other in ["async-std", "async-io", "tokio", "chat-tcp", "chat-udp", "chat-cli"] {
            assert!(!tree.contains(other), "the library {library} depends on {other}");
        }
    }
}

#[test]
fn one_runtime_is_enough() {
    assert!(!dependencies(&["--workspace"]).contains("tokio"), "tokio is in the tree of the workspace");
}

#[test]
fn every_file_says_what_it_is_for_and_fits_a_head() {
    let files = rust_files();
    assert!(files.len() > 30, "this test finds the files: {files:?}");
    for file in files {
        let text = fs::read_to_string(&file).expect("it can be read");
        let lines = text.lines().count();
        assert!(text.starts_with("//! "), "{}: does not say what it is for", file.display());
        assert!(lines <= 400, "{}: {lines} lines", file.display());
    }
}

/// The compiler drops a `#[test]` without a word where there is no harness of libtest.
#[test]
fn targets_without_a_harness_have_trials_and_no_tests() {
    for target in WITHOUT_HARNESS {
        let target = workspace().join(target);
        let files: Vec<PathBuf> = rust_files().into_iter().filter(|file| file.starts_with(&target)).collect();
        assert!(!files.is_empty(), "{}: there is no such target", target.display());
        for file in files {
            let text = fs::read_to_string(&file).expect("it can be read");
            assert!(!text.contains("#[test]"), "{}: list it in the trials of the target", file.display());
        }
    }
}

/// A module with modules of its own is `name.rs` beside the folder `name`.
#[test]
fn there_is_one_style_of_modules() {
    let mut seen = 0;
    for name in ONE_STYLE {
        let folder = workspace().join(name).join("src");
        for file in rust_files().into_iter().filter(|file| file.starts_with(&folder)) {
            assert!(!file.ends_with("mod.rs"), "{}: git mv it to the name of its folder", file.display());
            seen += 1;
        }
    }
    assert!(seen > 10 * ONE_STYLE.len(), "this test finds the files, not {seen}");
}

#[test]
fn the_core_never_asks_for_the_time() {
    let core = workspace().join("chat-core/src");
    // A test has to begin at some time.
    let is_core = |file: &Path| file.starts_with(&core) && !file.ends_with("tests.rs");
    for file in rust_files().into_iter().filter(|file| is_core(file)) {
        let text = fs::read_to_string(&file).expect("it can be read");
        for call in ["Instant::now", "SystemTime::now"] {
            assert!(!text.contains(call), "{}: {call}; the core is told the time", file.display());
        }
    }
}

#[test]
fn every_clause_that_is_cited_exists() {
    let protocol =
        fs::read_to_string(workspace().join("docs/protocol.md")).expect("the protocol is written down");
    let mut cited = BTreeSet::new();
    for file in rust_files() {
        let text = fs::read_to_string(&file).expect("it can be read");
        for (at, _) in text.match_indices("protocol ") {
            let clause: String = text[at + "protocol ".len()..]
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            let clause = clause.trim_end_matches('.').to_owned();
            if clause.contains('.') {
                assert!(
                    protocol.contains(&format!("**{clause}**")),
                    "{}: no clause {clause}",
                    file.display()
                );
                cited.insert(clause);
            }
        }
    }
    assert!(cited.len() > 40, "tests name the clauses they defend, but only {cited:?}");
}

/// A check that is written but not listed would never run.
#[test]
fn every_check_of_the_suites_is_listed() {
    for (suite, list, at_least) in
        [("conformance", "conformance/checks.rs", 50), ("log_conformance", "log_conformance.rs", 20)]
    {
        let folder = workspace().join("chat-testkit/src").join(suite);
        let list = folder.parent().expect("the crate has sources").join(list);
        let list = fs::read_to_string(list).expect("it can be read");
        // After the name of a check may come the clause that it checks.
        let listed: BTreeSet<&str> =
            list.lines().map(|line| line.trim().split(':').next().unwrap_or_default()).collect();
        let mut checks = 0;
        for file in rust_files().into_iter().filter(|file| file.starts_with(&folder)) {
            let text = fs::read_to_string(&file).expect("it can be read");
            for line in text.lines() {
                let Some(rest) = line.strip_prefix("pub async fn ") else { continue };
                let name = rest.split('(').next().unwrap_or_default();
                assert!(listed.contains(name), "{}: {name} is in no list", file.display());
                checks += 1;
            }
        }
        assert!(checks > at_least, "this test finds the checks of {suite}");
    }
}

#[test]
fn the_map_says_what_every_dependency_is_for() {
    let map = fs::read_to_string(workspace().join("ARCHITECTURE.md")).expect("it can be read");
    let rows = map.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let explained: BTreeSet<&str> = rows.flat_map(|row| row.split(", ")).collect();
    let named = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(workspace())
        .output()
        .expect("cargo can be run");
    let workspace: serde_json::Value = serde_json::from_slice(&named.stdout).expect("cargo writes JSON");
    let packages = workspace["packages"].as_array().expect("there are packages");
    let mut found = 0;
    for dependency in packages.iter().filter_map(|it| it["dependencies"].as_array()).flatten() {
        let name = dependency["name"].as_str().expect("every dependency has a name");
        if !name.starts_with("chat-") {
            assert!(explained.contains(name), "ARCHITECTURE.md does not say what {name} is for");
            found += 1;
        }
    }
    assert!(found > 20, "this test finds the dependencies");
}

/// The test targets with `harness = false`.
const WITHOUT_HARNESS: [&str; 5] = [
    "chat-cli/tests/compare",
    "chat-cli/tests/panics.rs",
    "chat-lab/tests/promise",
    "chat-measure/tests/page.rs",
    "tests/tests/tools",
];

/// The crates without any `mod.rs`.
const ONE_STYLE: [&str; 13] = [
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
    "chat-udp",
    "tests",
];

/// The names of all packages in a tree of normal dependencies.
fn dependencies(of: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}", "--offline"])
        .args(of)
        .current_dir(workspace())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Every file of ours: what is tracked, or would be.
fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![workspace()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                files.push(path);
            }
        }
    }
    files
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace").to_owned()
}
