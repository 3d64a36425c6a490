//! Section 1 of the protocol a second time, slowly and on top of another reader of JSON.

use std::{collections::BTreeMap, fmt};

use chat_core::wire::{MAX_DEPTH, MAX_FRAME, MAX_INTEGER};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// What the protocol says about a frame of a client.
#[derive(Debug)]
pub enum Verdict {
    /// It is a request.
    Good,
    /// It is none.
    Bad(&'static str),
    /// This model cannot read it, as it has half of a surrogate in a string (1.8).
    Unclear,
}

/// Whether a frame keeps the rules of all frames (1.1 to 1.5), as far as this model can read it.
pub fn rules(frame: &[u8]) -> Result<Option<Vec<(String, Node)>>, &'static str> {
    if frame.len() > MAX_FRAME {
        return Err("it is too long");
    }
    let text = std::str::from_utf8(frame).map_err(|_| "it is not UTF-8")?;
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Err("it is not JSON");
    }
    match serde_json::from_str::<Node>(text) {
        Ok(node) if node.depth() > MAX_DEPTH => Err("it is nested too deep"),
        Ok(node) if !node.has_good_numbers() => Err("a number is not a whole one"),
        Ok(Node::Object(fields)) => Ok(Some(fields)),
        Ok(_) => Err("it is not an object"),
        Err(_) if text.contains("\\u") => Ok(None),
        Err(_) => Err("it is not JSON that can be read"),
    }
}

/// What section 1 and the tables of requests say about a frame.
pub fn request(frame: &[u8]) -> Verdict {
    let fields = match rules(frame) {
        Ok(Some(fields)) => fields,
        Ok(None) => return Verdict::Unclear,
        Err(why) => return Verdict::Bad(why),
    };
    let mut kinds = fields.iter().filter(|(name, _)| name == "type");
    let (Some((_, Node::Text(kind))), None) = (kinds.next(), kinds.next()) else {
        return Verdict::Bad("it has not one type");
    };
    let mut known: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for field in fields_of(kind) {
        let (name, must) = field.strip_suffix('?').map_or((*field, true), |name| (name, false));
        let is_number = ["protocol", "id", "after", "recent", "order", "before", "limit", "from", "to"];
        let is_number = is_number.contains(&name) && !(kind == "tell" && name == "to");
        known.insert(name, (is_number, must));
    }
    for (name, (is_number, must)) in known {
        let mut values = fields.iter().filter(|(it, _)| it == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (_, Some(_)) => return Verdict::Bad("a field is there twice"),
            (None, _) if must => return Verdict::Bad("a field is missing"),
            (None, _) => {}
            (Some(Node::Number), _) if is_number => {}
            (Some(Node::Text(_)), _) if !is_number => {}
            (Some(Node::Null), _) if !must => {}
            _ => return Verdict::Bad("a field is of another type"),
        }
    }
    Verdict::Good
}

/// The fields of a request; those with a question mark may be left out.
fn fields_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "hello" => &["protocol", "name", "client?", "resume?", "password?", "pake?", "tag?"],
        "join" => &["id", "room", "after?", "recent?", "epoch?"],
        "leave" | "who" => &["id", "room"],
        "say" | "topic" => &["id", "room", "text", "order?"],
        "tell" => &["id", "to", "text", "order?"],
        "rooms" | "ping" => &["id"],
        "history" => &["id", "room", "before?", "limit?"],
        "replay" => &["id", "room", "from", "to"],
        "bye" => &[],
        _ => &["id?"],
    }
}

/// JSON in which nothing is forgotten, not even what is there twice.
#[derive(Debug)]
pub enum Node {
    Null,
    Bool,
    /// A whole one from 0 to the largest.
    Number,
    /// Any other.
    OtherNumber,
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn depth(&self) -> usize {
        match self {
            Node::Array(nodes) => 1 + nodes.iter().map(Node::depth).max().unwrap_or_default(),
            Node::Object(fields) => 1 + fields.iter().map(|(_, it)| it.depth()).max().unwrap_or_default(),
            _ => 0,
        }
    }

    fn has_good_numbers(&self) -> bool {
        match self {
            Node::OtherNumber => false,
            Node::Array(nodes) => nodes.iter().all(Node::has_good_numbers),
            Node::Object(fields) => fields.iter().all(|(_, it)| it.has_good_numbers()),
            _ => true,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Bool)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(if number <= MAX_INTEGER { Node::Number } else { Node::OtherNumber })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::OtherNumber)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::OtherNumber)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Node::Array(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Object(fields))
    }
}
