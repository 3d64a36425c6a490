//! The request to search, checked once, so that no log has to check it again.

use crate::{
    PersonName,
    log::Search,
    server::refusal::{limit, room_name},
    wire::{self, Code, Error},
    words::{Query, QueryError},
};

/// The question for the log, or the error the client gets.
pub(crate) fn search(id: u64, search: &wire::Search<'_>) -> Result<Search, Error> {
    let query = Query::parse(&search.words).map_err(|why| {
        let code = if why == QueryError::Empty { Code::BadText } else { Code::TooLarge };
        Error::of(id, code, why.to_string())
    })?;
    let person =
        |name: &str| PersonName::parse(name).map_err(|why| Error::of(id, Code::BadName, why.to_string()));
    let limit = limit(id, search.limit)?;
    Ok(Search {
        query,
        room: search.room.as_deref().map(|room| room_name(id, room)).transpose()?,
        from: search.from.as_deref().map(person).transpose()?,
        since: search.since,
        before: search.before,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    })
}
