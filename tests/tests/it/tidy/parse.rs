//! Reads as much of Rust as the rule about imports needs: paths, and which of them are tests.

/// What a file imports and names.
#[derive(Default)]
pub(super) struct File {
    /// What is imported.
    pub(super) uses: Vec<Import>,
    /// Paths that are named elsewhere.
    pub(super) named: Vec<Vec<String>>,
    /// The text without comments, strings, tests and imports.
    pub(super) code: String,
}

/// A path that is imported.
#[derive(Clone, Default)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// The name it has here.
    pub(super) name: String,
    /// Other files may import it from here.
    pub(super) is_public: bool,
}

impl File {
    /// Also returns the names of modules in other files that are tests.
    pub(super) fn parse(text: &str) -> (File, Vec<String>) {
        let (text, tests) = without_tests(&without_texts(text));
        let mut file = File::default();
        let mut rest = text.as_str();
        while let Some(at) = find_word(rest, "use") {
            file.code.push_str(&rest[..at]);
            let (tree, after) = rest[at + "use".len()..].split_once(';').unwrap_or((&rest[at..], ""));
            let before = rest[..at].trim_end();
            let before =
                before.strip_suffix(')').and_then(|it| it.rsplit_once('(')).map_or(before, |(it, _)| it);
            let is_public = before.ends_with("pub");
            flatten(&Import { is_public, ..Import::default() }, tree, &mut file.uses);
            rest = after;
        }
        file.code.push_str(rest);
        file.named = paths(&file.code);
        (file, tests)
    }
}

/// Whether `name` stands in `code` as a word.
pub(super) fn is_word_of(name: &str, code: &str) -> bool {
    find_word(code, name).is_some()
}

fn is_part_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn find_word(text: &str, word: &str) -> Option<usize> {
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part_of_word) && !after.is_some_and(is_part_of_word)
    })
}

/// The text with nothing in comments and strings.
fn without_texts(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string(rest).filter(|_| !code.ends_with(is_part_of_word)) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = rest.find('"').unwrap_or_default() + 1;
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    code
}

/// How many hashes a raw string that begins here has.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// Whether a character begins here, rather than a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

/// The length of what stands between these marks, and of the marks.
fn quoted(text: &str, mark: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The code without items under `#[cfg(test)]`, and the modules among those that are files.
fn without_tests(code: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut kept, mut tests) = (String::new(), Vec::new());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        let item = &rest[at + MARK.len()..];
        let end = item_length(item);
        let words: Vec<&str> =
            item[..end].split(|c| !is_part_of_word(c)).filter(|word| !word.is_empty()).collect();
        if let Some(at) = words.iter().position(|word| *word == "mod") {
            tests.extend(words.get(at + 1).map(|name| (*name).to_owned()));
        }
        rest = &item[end..];
    }
    kept.push_str(rest);
    (kept, tests)
}

/// The length of an item: up to a semicolon, or to the end of what stands in braces.
fn item_length(item: &str) -> usize {
    let mut depth = 0;
    for (at, c) in item.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' | '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    item.len()
}

/// All imports of a tree, whose paths begin like `prefix`.
fn flatten(prefix: &Import, tree: &str, imports: &mut Vec<Import>) {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let mut prefix = prefix.clone();
        prefix.path.extend(segments(head));
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        split_outside_braces(group).into_iter().for_each(|part| flatten(&prefix, part, imports));
        return;
    }
    let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
    let mut path: Vec<String> = prefix.path.iter().cloned().chain(segments(path)).collect();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let Some(last) = path.last() else { return };
    let name = if alias.trim().is_empty() { last.clone() } else { alias.trim().to_owned() };
    imports.push(Import { path, name, is_public: prefix.is_public });
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

fn split_outside_braces(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// All paths of at least two segments that are named in the code.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_part = |c: char| is_part_of_word(c) || c == ':';
    let words = code.split(|c| !is_part(c));
    words.filter(|word| word.contains("::")).map(segments).filter(|path| path.len() > 1).collect()
}
