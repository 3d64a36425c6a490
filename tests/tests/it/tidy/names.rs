//! Modules and types have the names of the trade.

use std::fs;

use super::rust_files;

/// Modules and types have the names of the trade. The words in [`DIALECT`] were names here once; the table of renames is
/// the history of this file.
#[test]
fn names_are_those_of_the_trade() {
    let mut names = 0;
    for file in rust_files() {
        let text = fs::read_to_string(&file).expect("it can be read");
        for name in declared_names(&text) {
            let words = words_of(&name);
            let dialect = words.iter().find(|word| DIALECT.split(' ').any(|listed| listed == *word));
            assert!(dialect.is_none(), "{}: {name}: {dialect:?} is no term of the trade", file.display());
            names += 1;
        }
    }
    assert!(names > 500, "this test finds the names, but only {names}");
}

/// The names that `text` declares for modules and types.
fn declared_names(text: &str) -> Vec<String> {
    let keywords = ["mod ", "struct ", "enum ", "trait ", "type ", "union "];
    let declared = text.lines().map(str::trim_start).filter_map(|line| {
        let line = match line.strip_prefix("pub(") {
            Some(rest) => rest.split_once(") ")?.1,
            None => line.strip_prefix("pub ").unwrap_or(line),
        };
        let rest = keywords.iter().find_map(|keyword| line.strip_prefix(keyword))?;
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        (!name.is_empty()).then_some(name)
    });
    declared.collect()
}

/// The words of a name in `snake_case` or `CamelCase`, in small letters.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c != '_') {
            word.extend(c.to_lowercase());
        }
    }
    words
}

#[test]
fn names_are_split_into_words() {
    assert_eq!(
        declared_names("    pub(crate) struct JobQueue<T> {\nmod tests;\nlet x = 1;"),
        ["JobQueue", "tests"]
    );
    assert!(
        words_of("JobQueue").iter().eq(["", "job", "queue"]) && words_of("a_desk").iter().eq(["a", "desk"])
    );
}

/// Words that say nothing to somebody who knows the field.
const DIALECT: &str = "beacon beats crew depart desk doors ear ears flights footing fruitless harmless heart hearts helping insist \
                       landlord liars mouth patience seat trouble unfinished venue voice whole";
