//! The tables of people: one row for each key, and one for each name that has an owner.

use std::collections::HashMap;

use chat_core::{
    KeyId, PersonName,
    log::{OwnedName, People, Person, PersonKey},
};
use rusqlite::{Connection, Row, params};

use crate::checksum::Checksum;

/// Made where they are missing: a program that does not know them can open the file all the same, and leaves them as they
/// are. `person` is the first key of the person; keys and names have places, since their order counts.
pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS person_keys (
        person BLOB NOT NULL, place INTEGER NOT NULL, key BLOB NOT NULL, since INTEGER NOT NULL, seen INTEGER NOT NULL,
        checksum INTEGER NOT NULL, PRIMARY KEY (person, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS person_names (
        person BLOB NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, seen INTEGER NOT NULL,
        checksum INTEGER NOT NULL, PRIMARY KEY (person, place)
    ) STRICT, WITHOUT ROWID;
";

/// Writes these people as they are now, and removes those who are no more.
pub(crate) fn write(db: &Connection, people: &People, changed: &[KeyId]) -> rusqlite::Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    db.execute_batch(TABLES)?; // the start may have had no space for them
    for id in changed {
        db.prepare_cached("DELETE FROM person_keys WHERE person = ?1")?.execute([id.0])?;
        db.prepare_cached("DELETE FROM person_names WHERE person = ?1")?.execute([id.0])?;
    }
    for person in changed.iter().filter_map(|id| people.person(*id).filter(|person| person.id() == *id)) {
        insert(db, person)?;
    }
    Ok(())
}

fn insert(db: &Connection, person: &Person) -> rusqlite::Result<()> {
    let id = person.id();
    let mut keys = db.prepare_cached(
        "INSERT OR REPLACE INTO person_keys (person, place, key, since, seen, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (place, known) in (0_i64..).zip(&person.keys) {
        let checksum = key_checksum(id, place, known);
        let (since, seen) = (known.since.cast_signed(), known.seen.cast_signed());
        keys.execute(params![id.0, place, known.key.0, since, seen, checksum])?;
    }
    let mut names = db.prepare_cached(
        "INSERT OR REPLACE INTO person_names (person, place, name, seen, checksum) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (place, owned) in (0_i64..).zip(&person.names) {
        let checksum = name_checksum(id, place, owned);
        names.execute(params![id.0, place, owned.name.as_str(), owned.seen.cast_signed(), checksum])?;
    }
    Ok(())
}

/// Reads everybody. A row that is damaged, and a person who lacks a key or a name because of that, is left out. So is
/// everybody where the tables are missing.
pub(crate) fn read(db: &Connection) -> rusqlite::Result<People> {
    let tables: i64 = db.query_one(
        "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'person\\__%' ESCAPE '\\'",
        [],
        |row| row.get(0),
    )?;
    if tables < 2 {
        return Ok(People::default());
    }
    let mut keys: HashMap<KeyId, Vec<PersonKey>> = HashMap::new();
    let mut select = db.prepare(
        "SELECT person, place, key, since, seen, checksum FROM person_keys ORDER BY person, place",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        match key(row) {
            Some((person, known)) => keys.entry(person).or_default().push(known),
            None => tracing::error!("the log has a damaged key of a person; it is left out"),
        }
    }
    let mut names: HashMap<KeyId, Vec<OwnedName>> = HashMap::new();
    let mut select =
        db.prepare("SELECT person, place, name, seen, checksum FROM person_names ORDER BY person, place")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        match name(row) {
            Some((person, owned)) => names.entry(person).or_default().push(owned),
            None => tracing::error!("the log has a damaged name of a person; it belongs to nobody"),
        }
    }
    let mut people = People::default();
    for (id, keys) in keys {
        let person = Person { keys, names: names.remove(&id).unwrap_or_default() };
        if person.id() != id || !people.restore(person) {
            tracing::error!(key = %id, "the log has damaged rows of a person, who is left out");
        }
    }
    Ok(people)
}

fn key(row: &Row<'_>) -> Option<(KeyId, PersonKey)> {
    let number = |column| row.get::<_, i64>(column).ok();
    let (person, place) = (KeyId(row.get(0).ok()?), number(1)?);
    let (since, seen) = (number(3)?.cast_unsigned(), number(4)?.cast_unsigned());
    let known = PersonKey { key: KeyId(row.get(2).ok()?), since, seen };
    (key_checksum(person, place, &known) == number(5)?).then_some((person, known))
}

fn name(row: &Row<'_>) -> Option<(KeyId, OwnedName)> {
    let number = |column| row.get::<_, i64>(column).ok();
    let (person, place) = (KeyId(row.get(0).ok()?), number(1)?);
    let name = PersonName::parse(&row.get::<_, String>(2).ok()?).ok()?;
    let owned = OwnedName { name, seen: number(3)?.cast_unsigned() };
    (name_checksum(person, place, &owned) == number(4)?).then_some((person, owned))
}

fn key_checksum(person: KeyId, place: i64, known: &PersonKey) -> i64 {
    Checksum::of("person_keys")
        .bytes(&person.0)
        .number(place.cast_unsigned())
        .bytes(&known.key.0)
        .number(known.since)
        .number(known.seen)
        .finish()
}

fn name_checksum(person: KeyId, place: i64, owned: &OwnedName) -> i64 {
    Checksum::of("person_names")
        .bytes(&person.0)
        .number(place.cast_unsigned())
        .text(owned.name.as_str())
        .number(owned.seen)
        .finish()
}
